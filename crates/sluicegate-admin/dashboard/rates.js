// What happened per second between two looks at a net; the shape is that of /api/live.
import { total } from "./words.js";

/** Rates between two answers of /api/net; null numbers where there is no look before. */
export function rates(before, now) {
  const seconds = before && before.name === now.name ? (now.time_ms - before.time_ms) / 1000 : 0;
  const old = seconds > 0 ? before : null;
  const since = (a, b) => (old && a !== undefined && b !== undefined && b !== null ? Math.max(0, a - b) / seconds : null);
  const stages = now.stages.map((s, i) => stage(s, twin(old?.stages, s, i, "name"), since));
  const wires = (now.wires || []).map((w, i) => {
    const then = twin(old?.wires, w, i, "from", "port", "to");
    return { from: w.from, port: w.port, to: w.to, sent_s: since(w.sent, then?.sent) };
  });
  const workers = (now.workers || []).map((w, i) => {
    const then = twin(old?.workers, w, i, "domain", "worker");
    return { domain: w.domain, worker: w.worker, utilisation: share(since(w.busy_us, then?.busy_us), 1e6) };
  });
  const ended = now.ledger?.ended || {};
  const all = Object.entries(ended).map(([why, n]) => [why, since(n, old?.ledger?.ended[why])]);
  const { finished: finished_s = null, ...ended_s } = Object.fromEntries(all);
  return { stages, wires, workers, finished_s, ended_s };
}

function stage(now, then, since) {
  const threads = Math.max(1, now.on_duty ?? now.threads ?? now.replicas ?? now.concurrency ?? 1);
  const utilisation = now.busy_us === undefined ? share(now.running, threads)
    : share(since(now.busy_us, then?.busy_us), 1e6 * threads);
  const filled = now.capacity > 0 ? Math.min(1, now.queued / now.capacity) : 0;
  const parked = now.parked_us === undefined ? Number(Boolean(now.parked_now))
    : share(since(now.parked_us, then?.parked_us), 1e6 * Math.max(1, now.replicas ?? 1)) ?? 0;
  return {
    name: now.name,
    arrivals_s: since(now.arrivals, then?.arrivals),
    served_s: since(now.served, then?.served),
    refused_s: since(total(now.refused), then && total(then.refused)),
    utilisation,
    saturation: Math.min(1, Math.max(utilisation ?? 0, filled, parked)),
  };
}

/** The same thing in the look before: mostly at the same place. */
function twin(list, one, at, ...keys) {
  const same = (other) => other && keys.every((key) => other[key] === one[key]);
  return same(list?.[at]) ? list[at] : list?.find(same);
}

const share = (part, whole) => (part === null || part === undefined ? null : Math.min(1, part / whole));
