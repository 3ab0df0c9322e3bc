// Draws the net as SVG and keeps the drawing up to date; the numbers come from the caller.
import { put, set, svg } from "./dom.js";
import { layout } from "./layout.js";
import { sentence, state } from "./state.js";
import { count, perSecond, short } from "./words.js";

const PEAK_KEPT = 10_000;   // milliseconds a queue's peak stays marked
const WIDE = { w: 158, h: 80, gapX: 74, gapY: 20 };
const NARROW = { w: 136, h: 80, gapX: 40, gapY: 14 };
const GAP_MAX = 240;        // pixels between two layers, where the page is wide
const PADDING = 10;         // pixels around the drawing, so that rings are not cut
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Drawing {
  /** `select`, where there is one, is told the name of a stage that is clicked. */
  constructor(host, select) {
    this.host = host;
    this.select = select;
    this.shape = "";
    this.peaks = new Map();
    this.wires = [];
    new ResizeObserver(() => { this.shape = ""; if (this.last) this.update(...this.last); }).observe(host);
    let before = performance.now();
    const frame = (now) => { this.flow((now - before) / 1000); before = now; requestAnimationFrame(frame); };
    if (!still.matches) requestAnimationFrame(frame);
  }

  /** Shows a snapshot and the rates since the one before. */
  update(net, rates) {
    this.last = [net, rates];
    const wires = net.wires || [];
    const shape = JSON.stringify([net.stages.map((s) => [s.name, s.kind]), wires.map((w) => [w.from, w.port, w.to])]);
    if (shape !== this.shape) this.build(net.stages, wires, shape);
    net.stages.forEach((stage, i) => this.showStage(stage, rates.stages[i]));
    wires.forEach((wire, i) => this.showWire(this.wires[i], wire, rates.wires[i]?.sent_s));
  }

  /** Marks the stage that is looked at, or none. */
  mark(name) {
    this.marked = name;
    if (!this.select) return;
    for (const [other, at] of this.stages || []) set(at.hit, "aria-pressed", other === name);
  }

  /** Where the page is narrow: scrolls to this stage, once a stage. */
  seek(name) {
    const at = this.stages?.get(name);
    if (!at || this.sought === name) return;
    this.sought = name;
    const zoom = this.host.firstChild.clientWidth / this.host.firstChild.viewBox.baseVal.width;
    this.host.scrollLeft = (at.node.x + at.node.w / 2) * zoom - this.host.clientWidth / 2;
  }

  /** Puts the keys where this stage is. */
  focus(name) {
    this.stages?.get(name)?.hit.focus();
  }

  build(stages, wires, shape) {
    const focused = [...this.stages || []].find(([, at]) => at.hit === document.activeElement)?.[0];
    this.shape = shape;
    // On a wall the page's type is larger, and the drawing with it.
    const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const width = (this.host.clientWidth - PADDING || 1000) / zoom;
    // On a narrow page the net keeps a legible size and is scrolled sideways.
    const least = (box) => layout(stages, wires, box, 1e6).width;
    const box = least(WIDE) <= width ? WIDE : NARROW;
    const plan = layout(stages, wires, { ...box, gapX: GAP_MAX }, Math.max(width, least(box)));
    const drawn = svg("svg", {
      width: plan.width * zoom, height: plan.height * zoom, viewBox: `0 0 ${plan.width} ${plan.height}`,
      role: "group", "aria-label": `The net: ${stages.length} stages, ${wires.length} wires`,
    });
    this.stages = new Map();
    this.wires = [];
    this.fed = new Set(wires.map((wire) => wire.to));
    for (const route of plan.routes) drawn.append(this.wire(route, wires.indexOf(route.wire)));
    const of = new Map(stages.map((s) => [s.name, s]));
    for (const node of plan.nodes) drawn.append(this.stage(node, of.get(node.name)));
    this.host.replaceChildren(drawn);
    // Labels lie above the boxes' edges and the other wires.
    for (const wire of this.wires) if (wire) drawn.append(wire.label);
    this.mark(this.marked);
    if (focused) this.focus(focused);
  }

  wire(route, index) {
    const { from, port, to } = route.wire;
    const d = path(route.points);
    const pipe = svg("path", { d, class: "pipe" });
    const flow = svg("path", { d, class: route.reversed ? "flow returns" : "flow" });
    const [x, y] = route.points.at(-1);
    const way = route.flip ? 1 : -1;
    const tip = svg("path", { d: `M${x} ${y}l${way * 8} -4.5v9z`, class: "tip" });
    const [mx, my] = labelAt(route);
    const label = svg("text", { x: mx, y: my - 6, class: "rate", "aria-hidden": "true" });
    const title = svg("title", {});
    this.wires[index] = { flow, label, title, pipe, speed: 0, offset: 0 };
    return svg("g", { class: "wire", "data-from": from, "data-port": port, "data-to": to }, title, pipe, flow, tip);
  }

  stage(node, stage) {
    const { x, y, w, h } = node;
    const chosen = () => this.select(stage.name);
    const keyed = (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chosen(); }
      const way = ARROWS[event.key];
      if (way) { event.preventDefault(); this.focus(this.beside(node, way)); }
    };
    const use = this.select ? { tabindex: 0, role: "button", click: chosen, keydown: keyed } : { role: "img" };
    const text = (dx, dy, kind) => svg("text", { x: dx, y: dy, class: kind });
    const at = {
      node, room: w - 22,
      level: svg("rect", { x: 11, y: 31, height: 9, rx: 4.5, width: 0, class: "level" }),
      peak: svg("rect", { x: 11, y: 29, width: 2, height: 13, rx: 1, class: "peak" }),
      queue: text(11, 56, "small"), mark: text(w - 10, 56, "small end mark"),
      rate: text(11, 71, "small"), note: text(w - 10, 71, "small end"), title: svg("title", {}),
    };
    const name = text(11, 20, "name");
    // Long names are cut; the accessible name and the title have all of it.
    const most = Math.floor(w / 8.5);
    put(name, stage.name.length > most ? `${stage.name.slice(0, most - 1)}…` : stage.name);
    // What is written in the box is said in better words by the name of what is clicked below it.
    at.hit = svg("rect", { width: w, height: h, rx: 10, class: "hit", ...use }, at.title);
    const drawn = svg("g", { class: "drawn", "aria-hidden": "true" },
      svg("rect", { x: -4, y: -4, width: w + 8, height: h + 8, rx: 13, class: "ring" }),
      svg("rect", { width: w, height: h, rx: 10, class: "box" }), name,
      svg("rect", { x: 11, y: 31, height: 9, rx: 4.5, width: w - 22, class: "track" }),
      at.level, at.peak, at.queue, at.mark, at.rate, at.note);
    at.group = svg("g", { class: `stage ${stage.kind}`, transform: `translate(${x} ${y})`, "data-name": stage.name }, at.hit, drawn);
    this.stages.set(stage.name, at);
    return at.group;
  }

  /** The nearest stage in this direction, or the same where there is none. */
  beside(node, [dx, dy]) {
    let best = { name: node.name, cost: Infinity };
    for (const { node: other } of this.stages.values()) {
      const [x, y] = [other.x - node.x, other.y - node.y];
      const along = x * dx + y * dy;
      const cost = along + 2 * Math.abs(x * dy + y * dx);
      if (along > 1 && cost < best.cost) best = { name: other.name, cost };
    }
    return best.name;
  }

  showStage(stage, rate) {
    const at = this.stages.get(stage.name);
    const { level, sign, word } = state(stage, rate);
    const share = (queued) => (stage.capacity ? Math.min(1, queued / stage.capacity) : 0);
    const peak = this.peak(stage);
    set(at.group, "data-state", level);
    set(at.level, "width", at.room * share(stage.queued));
    set(at.peak, "x", 11 + Math.max(0, at.room * share(peak) - 2));
    set(at.peak, "visibility", peak > stage.queued ? "visible" : "hidden");
    put(at.mark, sign ? `${sign} ${word}` : word);
    put(at.queue, this.fed.has(stage.name) || stage.kind === "gate" || stage.queued > 0 ? `${count(stage.queued)} / ${short(stage.capacity)}` : "source");
    put(at.rate, rate?.served_s > 0 ? perSecond(rate.served_s) : "");
    const many = stage.on_duty ?? stage.replicas;
    const refuses = rate?.refused_s > 0;
    put(at.note, refuses ? `✕ ${perSecond(rate.refused_s)}` : many > 1 ? `${stage.domain} ×${many}` : stage.domain ?? "");
    at.note.classList.toggle("warn", refuses);
    const words = sentence(stage, rate);
    put(at.title, words);
    set(at.hit, "aria-label", words);
  }

  peak(stage) {
    const now = performance.now();
    const old = this.peaks.get(stage.name);
    if (!old || stage.queued >= old.queued || now - old.at > PEAK_KEPT) this.peaks.set(stage.name, { queued: stage.queued, at: now });
    return this.peaks.get(stage.name).queued;
  }

  showWire(at, wire, rate) {
    if (!at) return;
    const flows = rate > 0;
    at.flow.classList.toggle("on", flows || wire.held > 0);
    at.flow.classList.toggle("held", wire.held > 0);
    // Ten times the rate is one step thicker and faster: from a trickle to a rush.
    const step = flows ? Math.log10(1 + rate) : 0;
    set(at.flow, "stroke-width", (2.2 + .7 * step).toFixed(1));
    set(at.flow, "stroke-dasharray", `.1 ${(22 - Math.min(16, 4 * step)).toFixed(1)}`);
    set(at.pipe, "stroke-width", (3.4 + step).toFixed(1));
    at.speed = flows ? 14 + 30 * step : 0;
    put(at.label, wire.held > 0 ? `Ⅱ ${count(wire.held)} held` : flows ? perSecond(rate) : "");
    at.label.classList.toggle("warn", wire.held > 0);
    const words = [`${wire.from}.${wire.port} to ${wire.to}`, `${perSecond(rate)}`];
    if (wire.held > 0) words.push(`${count(wire.held)} held until there is room`);
    if (wire.window) words.push(`window ${count(wire.window)}${wire.unanswered === undefined || wire.unanswered === null ? "" : `, ${count(wire.unanswered)} unanswered`}`);
    if (wire.refused > 0) words.push(`${count(wire.refused)} refused`);
    put(at.title, words.join(", "));
  }

  /** Moves the dots; a wire without flow stands still and is not touched. */
  flow(seconds) {
    for (const wire of this.wires) {
      if (!wire?.speed) continue;
      wire.offset -= wire.speed * Math.min(seconds, .1);
      wire.flow.setAttribute("stroke-dashoffset", wire.offset.toFixed(1));
    }
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A smooth way through the points, level where it meets boxes and lanes. */
function path(points) {
  let d = `M${points[0].join(" ")}`;
  for (let i = 1; i < points.length; i++) {
    const [[ax, ay], [bx, by]] = [points[i - 1], points[i]];
    const bend = (bx - ax) / 2;
    d += ay === by ? `L${bx} ${by}` : `C${ax + bend} ${ay} ${bx - bend} ${by} ${bx} ${by}`;
  }
  return d;
}

/** The middle of the first level piece, or a place on the curve: those of neighbours are apart. */
function labelAt({ points, share }) {
  if (points.length > 2) return [(points[1][0] + points[2][0]) / 2, (points[1][1] + points[2][1]) / 2];
  const [[ax, ay], [bx, by]] = points;
  const t = .3 + .4 * share;
  const [a, b, c, d] = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
  const middle = (ax + bx) / 2;
  return [a * ax + (b + c) * middle + d * bx, (a + b) * ay + (c + d) * by];
}
