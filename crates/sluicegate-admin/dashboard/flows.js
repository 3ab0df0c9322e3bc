// Slow, failed and sampled flows, and where the time of each went, as a waterfall.
import { get, why } from "./ask.js";
import { $, h, put, rows, svg, table } from "./dom.js";
import { Settings } from "./settings.js";
import { count, span, time } from "./words.js";

const LOOK = 5000;    // milliseconds between two looks
const ASKED = 100;    // the newest flows, of which the list is made
const SHOWN = 12;     // flows in the list
const WHYS = ["", "slow", "slowest", "failed", "sampled"];
const ROW = 22;
const [LEFT, W] = [120, 520];

export class Flows {
  constructor() {
    const made = table("Table of flows", ["flow", "kept for", "class", "end", "took", "began"]);
    Object.assign(this, { table: made.table, region: made.region, flows: [], why: "" });
    this.told = h("p", { class: "note" });
    this.fall = h("div", { class: "fall" });
    this.kept = new Settings("Which flows are kept", (path) => path.startsWith("traces."), "traces.");
    this.whys = WHYS.map((why) => h("button", { type: "button", class: "small", "data-why": why, "aria-pressed": why === "", click: () => this.choose(why) }, why || "all"));
    const whys = h("span", { class: "buttons", role: "group", "aria-label": "Kept for" }, this.whys);
    $("flows").append(whys, this.told, made.region, this.fall, h("details", {}, h("summary", {}, "Choose which flows are kept"), this.kept.element));
    made.region.hidden = true;
  }

  update(net) {
    // Another net has other flows.
    if (this.net && net.time_ms < this.net.time_ms) [this.absent, this.looked] = [false, 0];
    this.net = net;
    if (this.absent || (this.looked && performance.now() - this.looked < LOOK)) return;
    this.looked = performance.now();
    this.look();
    this.kept.update();
  }

  choose(why) {
    this.why = why;
    for (const button of this.whys) button.setAttribute("aria-pressed", button.dataset.why === why);
    this.look();
  }

  /** Which flows are asked for. */
  query() {
    return this.why ? `&why=${this.why}` : "";
  }

  async look() {
    const query = this.query();
    try {
      const told = await get(`api/flows?limit=${ASKED}${query}`);
      // Others were chosen meanwhile.
      if (query !== this.query()) return;
      this.absent = told === null;
      this.flows = [...told?.flows || []].sort((a, b) => b.total_us - a.total_us).slice(0, SHOWN);
      this.list(told);
    } catch (error) {
      put(this.told, why(error));
    }
  }

  list(told) {
    this.region.hidden = this.flows.length === 0;
    const words = this.absent ? "Flows are not traced here." : this.flows.length === 0 ? `No flow has been kept${this.why ? ` as ${this.why}` : ""}.`
      : `The slowest of the last ${count(told.flows.length)}${told.missed ? `; ${count(told.missed)} more were not kept, for there were too many` : ""}. `;
    const link = this.flows.length ? h("a", { href: `api/flows.json?format=chrome${this.query()}`, download: "flows.json" }, "All of them, for Perfetto") : "";
    this.told.replaceChildren(words, link);
    this.rows();
    if (!this.shown && this.flows.length) this.show(this.flows[0]);
  }

  rows() {
    rows(this.table, this.flows.map((flow) => [this.button(flow), flow.why, String(flow.class ?? "–"), `${flow.end}${flow.ended_in ? ` in ${flow.ended_in}` : ""}`, time(flow.total_us), `${span(this.net.time_ms - flow.start_ms)} ago`]));
  }

  button(flow) {
    const chosen = this.shown === key(flow);
    return h("button", { type: "button", class: "plain", "aria-pressed": chosen, click: () => { this.show(flow); this.rows(); } }, String(flow.flow));
  }

  show(flow) {
    this.shown = key(flow);
    const total = Math.max(1, flow.total_us, ...flow.steps.map((s) => s.ended_us ?? 0));
    const x = (us) => LEFT + (W - LEFT - 62) * Math.min(1, Math.max(0, us) / total);
    const steps = flow.steps.map((s, i) => {
      const y = i * ROW + 4;
      return svg("g", {}, svg("title", {}, sentence(s)),
        svg("text", { x: LEFT - 8, y: y + 12, class: "step" }, s.stage),
        svg("rect", { x: x(s.queued_us), y: y + 4, width: Math.max(0, x(s.started_us) - x(s.queued_us)), height: 8, class: "waited" }),
        svg("rect", { x: x(s.started_us), y, width: Math.max(1.5, x(s.ended_us) - x(s.started_us)), height: 16, rx: 2, class: "handled" }),
        svg("text", { x: x(s.ended_us) + 5, y: y + 12, class: "took" }, time(s.ended_us - s.queued_us)));
    });
    const height = flow.steps.length * ROW + 8;
    this.fall.replaceChildren(
      h("h3", {}, `Flow ${flow.flow}: ${time(flow.total_us)}, ${flow.end}`),
      svg("svg", { viewBox: `0 0 ${W} ${height}`, class: "waterfall", role: "img", "aria-label": flow.steps.map(sentence).join("; ") || "No step is known" }, steps),
      h("p", { class: "note" }, h("i", { class: "key waited" }), " waited ", h("i", { class: "key handled" }), ` was handled${flow.lost ? `; ${count(flow.lost)} steps are not known` : ""}${flow.trace ? `; trace ${flow.trace}, span ${flow.span}` : ""}`));
  }
}

const key = (flow) => flow.number ?? flow.flow;

/** One step in words. */
function sentence(s) {
  const mates = s.batch > 1 ? ` in a batch of ${count(s.batch)}` : "";
  const worker = s.domain ? `${s.domain} ${s.worker}` : `worker ${s.worker}`;
  return `${s.stage}: waited ${time(s.started_us - s.queued_us)}, ${s.kind ?? "handled"} in ${time(s.ended_us - s.started_us)} by ${worker}${mates}`;
}
