// Slow, failed and sampled flows, and where the time of each went, as a waterfall.
import { get, why } from "./ask.js";
import { $, h, put, rows, svg, table } from "./dom.js";
import { span, time } from "./words.js";

const LOOK = 3000;    // milliseconds between two looks
const SHOWN = 30;     // flows in the list
const ROW = 22;
const [LEFT, W] = [110, 520];

export class Flows {
  constructor(choose) {
    this.choose = choose;
    const made = table("Slow and failed flows", ["flow", "kept for", "class", "ended", "took", "began"]);
    this.table = made.table;
    this.told = h("p", { class: "note" });
    this.fall = h("div", { class: "fall", "aria-live": "off" });
    $("flows").append(this.told, made.region, this.fall);
    made.region.hidden = true;
    this.region = made.region;
  }

  update(net) {
    this.net = net;
    if (this.absent || (this.looked && performance.now() - this.looked < LOOK)) return;
    this.looked = performance.now();
    this.look();
  }

  async look() {
    try {
      const told = await get("api/flows");
      this.absent = told === null;
      this.list(told?.flows || []);
    } catch (error) {
      put(this.told, why(error));
    }
  }

  list(flows) {
    this.flows = flows;
    const slowest = [...flows].sort((a, b) => b.total_us - a.total_us).slice(0, SHOWN);
    this.region.hidden = slowest.length === 0;
    const words = this.absent ? "Flows are not traced here." : flows.length === 0 ? "No flow has been kept yet."
      : `${flows.length} are kept, the slowest first. `;
    if (this.told.dataset.words !== words) {
      this.told.dataset.words = words;
      this.told.replaceChildren(words, flows.length ? h("a", { href: "api/flows.json?format=chrome", download: "flows.json" }, "For Perfetto") : "");
    }
    rows(this.table, slowest.map((flow) => [this.button(flow), flow.why, String(flow.class ?? "–"), String(flow.end ?? "–"), time(flow.total_us), `${span(this.net.time_ms - flow.start_ms)} ago`]));
    if (!this.shown && slowest.length) this.show(slowest[0]);
  }

  button(flow) {
    const chosen = this.shown === flow.flow;
    return h("button", { type: "button", class: "plain", "aria-pressed": chosen, click: () => { this.show(flow); this.list(this.flows); } }, String(flow.flow));
  }

  show(flow) {
    this.shown = flow.flow;
    const total = Math.max(1, flow.total_us, ...flow.steps.map((s) => s.ended_us ?? 0));
    const x = (us) => LEFT + (W - LEFT - 60) * Math.min(1, Math.max(0, us) / total);
    const words = (s) => `${s.stage}: waited ${time(s.started_us - s.queued_us)}, was handled for ${time(s.ended_us - s.started_us)} by worker ${s.worker}, in a batch of ${s.batch}`;
    const steps = flow.steps.map((s, i) => {
      const y = i * ROW + 4;
      return svg("g", {}, svg("title", {}, words(s)),
        svg("text", { x: LEFT - 8, y: y + 12, class: "step" }, s.stage),
        svg("rect", { x: x(s.queued_us), y: y + 4, width: Math.max(0, x(s.started_us) - x(s.queued_us)), height: 8, class: "waited" }),
        svg("rect", { x: x(s.started_us), y, width: Math.max(1.5, x(s.ended_us) - x(s.started_us)), height: 16, rx: 2, class: "handled" }),
        svg("text", { x: x(s.ended_us) + 5, y: y + 12, class: "took" }, time(s.ended_us - s.queued_us)));
    });
    this.fall.replaceChildren(
      h("h3", {}, `Flow ${flow.flow}: ${time(flow.total_us)}, ${flow.end ?? "under way"}`),
      svg("svg", { viewBox: `0 0 ${W} ${flow.steps.length * ROW + 8}`, class: "waterfall", role: "img", "aria-label": flow.steps.map(words).join("; ") }, steps),
      h("p", { class: "note" }, h("i", { class: "key waited" }), " waited ", h("i", { class: "key handled" }), " was handled"));
  }
}
