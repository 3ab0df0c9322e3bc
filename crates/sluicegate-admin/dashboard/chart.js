// A chart of numbers over time, drawn as SVG, with the number under the pointer in words.
import { h, put, set, svg } from "./dom.js";
import { NONE } from "./words.js";

const [W, H] = [400, 84];

export class Chart {
  /** `lines` is a list of {key, name, look}; `say` makes a number words; `most` is a fixed top. */
  constructor(name, lines, say, most = 0) {
    Object.assign(this, { name, lines, say, most });
    this.paths = lines.map(({ look }) => svg("path", { class: `line ${look}` }));
    this.top = h("span", { class: "top" });
    this.read = h("span", { class: "read" });
    this.cursor = svg("path", { class: "cursor" });
    this.marks = svg("g", { class: "incident-marks" });
    const base = svg("path", { d: `M0 ${H - .5}H${W}M0 ${H / 2}H${W}`, class: "grid" });
    this.drawn = svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": name }, base, this.marks, this.paths, this.cursor);
    this.drawn.addEventListener("pointermove", (event) => this.point(event));
    this.drawn.addEventListener("pointerleave", () => this.point(null));
    const keys = lines.length > 1 ? h("span", { class: "keys" }, lines.map(({ name: words, look }) => h("span", {}, h("i", { class: `swatch ${look}` }), words))) : null;
    this.element = h("figure", { class: "chart" }, h("figcaption", {}, h("b", {}, name), " ", keys, this.read), h("div", { class: "plot" }, this.drawn, this.top));
  }

  /** Shows the last `span` milliseconds before `now`; `marks` are moments. */
  show(history, now, span, marks = []) {
    const t = history?.t || [];
    const first = Math.max(0, t.findIndex((at) => at >= now - span));
    const series = this.lines.map(({ key }) => history?.[key] || []);
    const seen = series.flatMap((values) => values.slice(first)).filter((v) => v !== null && v !== undefined);
    const top = this.most || Math.max(1e-9, ...seen);
    const x = (at) => W * (1 - (now - at) / span);
    const y = (v) => H - 1 - (H - 3) * Math.min(1, v / top);
    series.forEach((values, i) => set(this.paths[i], "d", line(t, values, first, x, y)));
    set(this.marks.appendChild(this.mark ||= svg("path", {})), "d", marks.filter((at) => at >= now - span).map((at) => `M${x(at).toFixed(1)} 0V${H}`).join("") || "M0 0");
    this.shown = { t, series, now, span, first };
    put(this.top, seen.length ? this.say(top) : "");
    const latest = this.words(t.length - 1);
    if (!this.pointed) put(this.read, latest);
    set(this.drawn, "aria-label", `${this.name}: ${latest}${seen.length && !this.most ? `; at most ${this.say(Math.max(...seen))}` : ""}`);
  }

  words(at) {
    if (at < 0) return NONE;
    const said = this.lines.map(({ name }, i) => {
      const value = this.shown.series[i][at];
      return value === null || value === undefined ? null : this.lines.length > 1 ? `${name} ${this.say(value)}` : this.say(value);
    });
    return said.filter(Boolean).join(", ") || NONE;
  }

  point(event) {
    this.pointed = Boolean(event);
    if (!this.shown?.t.length) return;
    const { t, now, span, first } = this.shown;
    if (!event) { set(this.cursor, "d", "M0 0"); put(this.read, this.words(t.length - 1)); return; }
    const box = this.drawn.getBoundingClientRect();
    const at = now - span * (1 - (event.clientX - box.left) / box.width);
    let best = first;
    for (let i = first; i < t.length; i++) if (Math.abs(t[i] - at) < Math.abs(t[best] - at)) best = i;
    const x = W * (1 - (now - t[best]) / span);
    set(this.cursor, "d", `M${x.toFixed(1)} 0V${H}`);
    put(this.read, `${Math.round((now - t[best]) / 1000)} s ago: ${this.words(best)}`);
  }
}

/** A path that breaks where nothing is known. */
function line(t, values, first, x, y) {
  let d = "";
  let pen = "M";
  for (let i = first; i < t.length; i++) {
    const v = values[i];
    if (v === null || v === undefined) { pen = "M"; continue; }
    d += `${pen}${x(t[i]).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = "L";
  }
  return d || "M0 0";
}

/** Two buttons that say how much of the past is shown. */
export function spans(host, changed) {
  const all = [["5 minutes", 300_000], ["1 hour", 3_600_000]];
  const buttons = all.map(([words, span]) => h("button", {
    type: "button", class: "small", "aria-pressed": span === all[0][1],
    click: () => { buttons.forEach((b, i) => set(b, "aria-pressed", all[i][1] === span)); changed(span); },
  }, words));
  host.append(h("span", { class: "buttons", role: "group", "aria-label": "How much of the past" }, buttons));
  return all[0][1];
}
