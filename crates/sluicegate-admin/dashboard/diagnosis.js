// The sentence at the top: what is the bottleneck, since when, who suffers; and the figures below it.
import { $, h, put, quote, quoted, set } from "./dom.js";
import { state } from "./state.js";
import { count, percent, perSecond, refused, span, time } from "./words.js";

/** Kinds of a diagnosis that are no fault, and those in which work is done, though not all of it. */
const LEVELS = { healthy: "calm", draining: "busy", paused: "busy", uneven: "busy", gate: "busy", window: "busy", unclear: "busy" };

export class Diagnosis {
  constructor(choose) {
    this.choose = choose;
    this.figures = new Map();
  }

  update(net, rates, { diagnosis }) {
    const found = diagnosis || guess(net, rates);
    const level = net.stopped ? "full" : found.level ?? LEVELS[found.kind] ?? "full";
    const box = $("diagnosis");
    set(box, "data-state", level);
    set(box, "data-kind", found.kind);
    quote($("words"), found.words);
    this.speak(found);
    document.title = `${["busy", "full"].includes(level) ? "▲ " : ""}${net.name}: ${found.words.replaceAll("`", "")}`;
    const since = found.since_ms === null || found.since_ms === undefined ? "" : `For ${span(net.time_ms - found.since_ms)}. `;
    const suffers = found.suffers?.length ? `Who suffers: ${found.suffers.join("; ")}.` : "";
    quote($("since"), since + suffers);
    this.evidence(found.evidence || []);
    this.advice(found);
    this.marks(net);
    this.show(net, rates);
  }

  /** Tells who listens that something else is wrong, and not that its numbers moved. */
  speak({ kind, stage, words }) {
    const key = `${kind}/${stage}`;
    if (key === this.spoken) return;
    this.spoken = key;
    put($("spoken"), words.replaceAll("`", ""));
  }

  evidence(lines) {
    const text = lines.join("\n");
    if (text === this.lines) return;
    this.lines = text;
    $("evidence").replaceChildren(...lines.map((line) => h("li", {}, quoted(line))));
  }

  advice({ advice, stage }) {
    const key = `${advice}/${stage}`;
    if (key === this.advised) return;
    this.advised = key;
    const look = stage ? h("button", { type: "button", class: "plain", click: () => this.choose(stage) }, `Look at ${stage}`) : null;
    $("advice").replaceChildren(...quoted(advice || ""), " ", look ?? "");
  }

  /** What is true of the whole net beside its bottleneck. */
  marks(net) {
    const marks = [];
    if (net.stopped) marks.push(`stopped: ${net.stopped}`);
    if (net.draining) marks.push("draining");
    for (const stall of net.stalls || []) marks.push(`${stall.stage} has kept its thread for ${time(stall.time_us)} (${stall.domain} ${stall.worker})`);
    const held = net.stages.filter((s) => s.paused).map((s) => s.name);
    if (held.length) marks.push(`paused: ${held.join(", ")}`);
    const frozen = net.stages.flatMap((s) => (s.admission?.[0]?.votes || []).filter((v) => v.frozen).map((v) => `${s.name}’s ${v.law}`));
    if (frozen.length) marks.push(`frozen: ${frozen.join(", ")}`);
    put($("marks"), marks.join("; "));
  }

  show(net, rates) {
    const ended = net.ledger?.ended;
    // Who is asked again and again tells it since the start alone.
    const lately = rates.classes?.map((c) => c.response_p99_us);
    const p99 = (lately ?? (net.classes || []).map((c) => c.response?.p99_us)).filter((us) => us > 0);
    const slowest = `of the slowest class${lately ? "" : ", since the start"}`;
    this.figure("answered", perSecond(rates.finished_s), `${count(ended?.finished)} since the start`);
    this.figure("refused", perSecond(rates.finished_s === null ? null : refused(rates.ended_s)), `${count(refused(ended))} since the start`);
    this.figure("in flight", count(net.ledger?.in_flight), "flows");
    if (net.classes?.length) this.figure("response, p99", time(p99.length ? Math.max(...p99) : null), slowest);
    if (net.ledger?.connections) this.figure("connections", count(net.ledger.connections.open), "open");
    const top = busiest(net, rates);
    if (top) this.figure("most saturated", percent(top.rate.saturation), top.stage.name);
  }

  figure(name, value, note) {
    if (!this.figures.has(name)) {
      const [b, small] = [h("b"), h("span")];
      $("figures").append(h("div", {}, h("dt", {}, name), h("dd", {}, b, " ", small)));
      this.figures.set(name, [b, small]);
    }
    const [b, small] = this.figures.get(name);
    put(b, value);
    put(small, note);
  }
}

function busiest(net, rates) {
  const both = net.stages.map((stage, i) => ({ stage, rate: rates.stages[i] }));
  return both.reduce((best, one) => (!best || one.rate.saturation > best.rate.saturation ? one : best), null);
}

/** Where no server says what is wrong: which stage is the most saturated, and no more than that. */
function guess(net, rates) {
  const top = busiest(net, rates);
  if (!top) return { kind: "unknown", level: "calm", words: "Nothing is here yet." };
  const at = state(top.stage, top.rate);
  const words = at.level === "calm" ? "No stage is saturated." : `The most saturated is ${top.stage.name}: ${at.word}.`;
  return { kind: "unknown", level: at.level, stage: at.level === "calm" ? null : top.stage.name, words };
}
