// Slow, failed and sampled flows, and where the time of each went, as a waterfall.
import { get, why } from "./ask.js";
import { $, h, put, rows, set, svg, table } from "./dom.js";
import { gates } from "./gates.js";
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
    Object.assign(this, { table: made.table, region: made.region, flows: [], buttons: new Map(), why: "" });
    this.told = h("p", { class: "note" });
    this.fall = h("div", { class: "fall" });
    this.kept = new Settings("Which flows are kept", "traces");
    this.whys = WHYS.map((why) => h("button", { type: "button", class: "small", "data-why": why, "aria-pressed": why === "", click: () => this.choose(why) }, why || "all"));
    const whys = h("span", { class: "buttons", role: "group", "aria-label": "Kept for" }, this.whys);
    $("flows").append(whys, this.told, made.region, this.fall, h("details", {}, h("summary", {}, "Choose which flows are kept"), this.kept.element));
    made.region.hidden = true;
  }

  update(net) {
    // Another net has other flows.
    if (this.net && net.time_ms < this.net.time_ms) [this.looked, this.shown] = [0, null];
    this.net = net;
    if (gates(net)) { this.list(null); return; }
    if (this.looked && performance.now() - this.looked < LOOK) return;
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
      if (query === this.query()) this.list(told);
    } catch (error) {
      put(this.told, why(error));
    }
  }

  list(told) {
    this.flows = [...told?.flows || []].sort((a, b) => b.total_us - a.total_us).slice(0, SHOWN);
    this.region.hidden = this.flows.length === 0;
    const words = !told ? "Flows are not traced here." : this.flows.length === 0 ? `No flow has been kept${this.why ? ` as ${this.why}` : ""}.`
      : `The slowest of the last ${count(told.flows.length)}${told.missed ? `; ${count(told.missed)} more were not kept, for there were too many` : ""}. `;
    const link = this.flows.length ? h("a", { href: `api/flows.json?format=chrome${this.query()}`, download: "flows.json" }, "All of them, for Perfetto") : "";
    this.told.replaceChildren(words, link);
    this.rows();
    if (!this.shown && this.flows.length) this.show(this.flows[0]);
  }

  rows() {
    const former = this.buttons;
    this.buttons = new Map(this.flows.map(({ number }) => [number, former.get(number) ?? this.button(number)]));
    rows(this.table, this.flows.map((flow) => [this.dressed(flow), flow.why, String(flow.class ?? "–"), `${flow.end}${flow.ended_in ? ` in ${flow.ended_in}` : ""}`, time(flow.total_us), `${span(this.net.time_ms - flow.start_ms)} ago`]));
  }

  /** It stays the same, so that who has come to it by keys stays there. */
  button(number) {
    const chosen = () => { this.show(this.flows.find((flow) => flow.number === number)); this.rows(); };
    return h("button", { type: "button", class: "plain", click: chosen });
  }

  dressed({ number, flow }) {
    const button = this.buttons.get(number);
    put(button, flow);
    set(button, "aria-pressed", this.shown === number);
    return button;
  }

  show(flow) {
    this.shown = flow.number;
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

/** One step in words. */
function sentence(s) {
  const mates = s.batch > 1 ? ` in a batch of ${count(s.batch)}` : "";
  const worker = s.domain ? `${s.domain} ${s.worker}` : `worker ${s.worker}`;
  return `${s.stage}: waited ${time(s.started_us - s.queued_us)}, ${s.kind ?? "handled"} in ${time(s.ended_us - s.started_us)} by ${worker}${mates}`;
}
