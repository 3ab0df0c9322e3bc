// The past of a stage or of the net: the server's, or where the server keeps none what this page has seen.
import { get, watched } from "./ask.js";
import { total } from "./words.js";

const KEPT = 300;     // looks that the page keeps by itself
const KEYS = ["arrivals_s", "served_s", "refused_s", "queued", "saturation", "wait_p99_us"];

export class History {
  constructor() {
    this.seen = new Map();
  }

  /** Keeps what is shown now, where nobody else does. */
  note(net, rates) {
    this.kept = watched(net);
    if (this.kept) return;
    const parts = [["", whole(net, rates)], ...net.stages.map((stage, i) => [stage.name, { ...rates.stages[i], queued: stage.queued }])];
    for (const [name, now] of parts) {
      if (!this.seen.has(name)) this.seen.set(name, { t: [], ...Object.fromEntries(KEYS.map((key) => [key, []])) });
      const kept = this.seen.get(name);
      // A net that was begun anew has no past.
      if (kept.t.at(-1) > net.time_ms) { for (const values of Object.values(kept)) values.length = 0; }
      if (kept.t.at(-1) === net.time_ms) continue;
      kept.t.push(net.time_ms);
      for (const key of KEYS) kept[key].push(now[key] ?? null);
      if (kept.t.length > KEPT) for (const values of Object.values(kept)) values.shift();
    }
  }

  /** Of a stage, or of the net where it has no name. */
  async of(stage) {
    if (!this.kept) return this.seen.get(stage || "");
    return get(stage ? `api/history?stage=${encodeURIComponent(stage)}` : "api/history");
  }
}

const whole = (net, rates) => ({
  served_s: rates.finished_s,
  refused_s: total(rates.ended_s),
  queued: net.stages.reduce((sum, s) => sum + (s.queued || 0), 0),
  saturation: Math.max(0, ...rates.stages.map((r) => r.saturation ?? 0)),
});

/** One for the page, so that all charts share it. */
export const history = new History();
