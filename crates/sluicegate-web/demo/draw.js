// Draws the net as SVG and keeps the drawing up to date; the numbers come from the caller.
import { layout } from "./layout.js";

const NS = "http://www.w3.org/2000/svg";
const PEAK_KEPT = 10_000;   // milliseconds a queue's peak stays marked
const WIDE = { w: 148, h: 78, gapX: 74, gapY: 22 };
const NARROW = { w: 128, h: 78, gapX: 34, gapY: 16 };
const TURNED_AWAY = new Set(["shed", "expired", "refused", "draining"]);
const still = matchMedia("(prefers-reduced-motion: reduce)");

export const count = (n) => Math.round(n).toLocaleString("en");
export const short = (n) => (n >= 1e6 ? `${(n / 1e6).toFixed(1)}M` : n >= 1e4 ? `${Math.round(n / 1e3)}k`
  : n >= 1e3 ? `${(n / 1e3).toFixed(1)}k` : n >= 10 || Number.isInteger(n) ? `${Math.round(n)}` : n.toFixed(1));

export class Drawing {
  constructor(host) {
    this.host = host;
    this.shape = "";
    this.peaks = new Map();
    this.moving = [];
    new ResizeObserver(() => { this.shape = ""; if (this.last) this.update(...this.last); }).observe(host);
    let before = performance.now();
    const frame = (now) => { this.flow((now - before) / 1000); before = now; requestAnimationFrame(frame); };
    if (!still.matches) requestAnimationFrame(frame);
  }

  /** Shows a snapshot and the rates measured since the one before. */
  update(net, rates) {
    this.last = [net, rates];
    const shape = JSON.stringify([net.stages.map((s) => s.name), net.wires.map((w) => [w.from, w.port, w.to])]);
    if (shape !== this.shape) this.build(net, shape);
    for (const stage of net.stages) this.showStage(stage, rates.stage.get(stage.name));
    net.wires.forEach((wire, i) => this.showWire(this.wires.get(i), wire, rates.wire[i]));
  }

  build(net, shape) {
    this.shape = shape;
    // On a wall the page's type is larger, and the drawing with it.
    const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const width = (this.host.clientWidth || 1000) / zoom;
    const box = width < 700 ? NARROW : WIDE;
    const depth = layout(net.stages, net.wires, box, 1e6).layers.length;
    // On a narrow page the net keeps a legible size and is scrolled sideways.
    const least = depth * (box.w + box.gapX) - box.gapX + 2;
    const plan = layout(net.stages, net.wires, { ...box, gapX: 220 }, Math.max(width, least));
    const svg = make("svg", { width: plan.width * zoom, height: plan.height * zoom, viewBox: `0 0 ${plan.width} ${plan.height}` });
    this.stages = new Map();
    this.wires = new Map();
    this.fed = new Set(net.wires.map((wire) => wire.to));
    const routes = ports(plan.routes);
    for (const route of routes) svg.append(this.wire(route, net.wires.indexOf(route.wire)));
    const of = new Map(net.stages.map((s) => [s.name, s]));
    for (const node of plan.layers.flat()) if (node.real) svg.append(this.stage(node, of.get(node.name)));
    this.host.replaceChildren(svg);
    this.moving = [...this.wires.values()];
    // Labels lie above the boxes' edges and the other wires.
    for (const wire of this.moving) svg.append(wire.label);
  }

  wire(route, index) {
    const d = path(route.points);
    const group = make("g", {});
    const flow = make("path", { d, class: route.reversed ? "flow returns" : "flow" });
    const [x, y] = route.points.at(-1);
    const way = route.flip ? 1 : -1;
    const tip = make("path", { d: `M${x} ${y}l${way * 8} -4.5v9z`, class: "tip" });
    const [mx, my] = labelAt(route.points);
    const label = make("text", { x: mx, y: my - 6, class: "rate" });
    group.append(make("path", { d, class: "pipe" }), flow, tip, titled(`${route.wire.from}.${route.wire.port} to ${route.wire.to}`));
    this.wires.set(index, { flow, label, speed: 0, offset: 0 });
    return group;
  }

  stage(node, stage) {
    const { x, y, w, h } = node;
    const group = make("g", { class: `stage ${stage.kind}`, transform: `translate(${x} ${y})` });
    const text = (dx, dy, kind, words) => {
      const element = make("text", { x: dx, y: dy, class: kind });
      element.textContent = words;
      group.append(element);
      return element;
    };
    group.append(make("rect", { width: w, height: h, rx: 10, class: "box" }));
    text(11, 20, "name", stage.name);
    const replicas = text(w - 10, 20, "small end", "");
    const track = { x: 11, y: 29, height: 9, rx: 4.5 };
    const level = make("rect", { ...track, width: 0, class: "level" });
    const peak = make("rect", { x: 11, y: 27, width: 2, height: 13, rx: 1, class: "peak" });
    group.append(make("rect", { ...track, width: w - 22, class: "track" }), level, peak);
    const queue = text(11, 53, "small", "");
    const busy = text(w - 10, 53, "small end", "");
    const rate = text(11, 68, "small", "");
    const refused = text(w - 10, 68, "small end", "");
    const title = titled("");
    group.append(title);
    this.stages.set(stage.name, { group, level, peak, queue, busy, rate, refused, replicas, title, room: w - 22 });
    return group;
  }

  showStage(stage, rate) {
    const at = this.stages.get(stage.name);
    const share = (queued) => (stage.capacity ? Math.min(1, queued / stage.capacity) : 0);
    const peak = this.peak(stage);
    at.group.dataset.state = share(stage.queued) > .9 || stage.parked_now ? "full" : share(peak) > .5 ? "busy" : "calm";
    at.level.setAttribute("width", at.room * share(stage.queued));
    at.peak.setAttribute("x", 11 + Math.max(0, at.room * share(peak) - 2));
    at.peak.style.display = peak > stage.queued ? "" : "none";
    at.queue.textContent = this.fed.has(stage.name) ? `${count(stage.queued)} / ${short(stage.capacity)}` : "source";
    at.busy.textContent = rate.busy >= .005 ? `busy ${Math.round(rate.busy * 100)} %` : "idle";
    at.rate.textContent = rate.served > 0 ? `${short(rate.served)}/s` : "";
    at.replicas.textContent = stage.replicas > 1 ? `×${stage.replicas}` : "";
    const away = refused(stage.refused);
    at.refused.textContent = stage.parked_now ? "parked" : away ? `${short(away)} refused` : stage.domain;
    at.refused.classList.toggle("warn", stage.parked_now || away > 0);
    at.title.textContent = `${stage.name}: ${count(stage.queued)} of ${count(stage.capacity)} queued, `
      + `${short(rate.served)} events/s in batches of ${rate.batch.toFixed(1)}, refused ${count(away)}` + (stage.admission || []).map(gate).join("");
  }

  peak(stage) {
    const now = performance.now();
    const old = this.peaks.get(stage.name);
    if (!old || stage.queued >= old.queued || now - old.at > PEAK_KEPT) this.peaks.set(stage.name, { queued: stage.queued, at: now });
    return this.peaks.get(stage.name).queued;
  }

  showWire(at, wire, rate) {
    if (!at) return;
    at.flow.classList.toggle("on", rate > 0);
    at.flow.classList.toggle("held", wire.held > 0);
    at.label.textContent = rate > 0 ? `${short(rate)}/s` : "";
    // Ten times the rate looks one step faster: from a walk to a rush.
    at.speed = rate > 0 ? 14 + 30 * Math.log10(1 + rate) : 0;
    at.flow.style.strokeDasharray = `.1 ${(22 - Math.min(16, 4 * Math.log10(1 + rate))).toFixed(1)}`;
  }

  /** Moves the dots; a wire without flow stands still and is not touched. */
  flow(seconds) {
    for (const wire of this.moving) {
      if (!wire.speed) continue;
      wire.offset -= wire.speed * Math.min(seconds, .1);
      wire.flow.style.strokeDashoffset = wire.offset.toFixed(1);
    }
  }
}

/** What a gate says of itself. */
const gate = (at) => {
  const target = at.votes.find((vote) => vote.target_us)?.target_us;
  return `; gate (${at.votes.map((vote) => vote.law).join(", ")}): refused ${count(total(at.refused))} of `
    + `${count(at.offered)}, ${count(at.work_us)} µs of work wait`
    + (target ? ` for a target of ${count(target)} µs` : "");
};

/** The sum of the reasons for which a request is turned away. */
export const refused = (counts) => total(Object.fromEntries(Object.entries(counts || {}).filter(([why]) => TURNED_AWAY.has(why))));
export const total = (counts) => Object.values(counts || {}).reduce((sum, n) => sum + n, 0);

/** Spreads the wires of each side of a box over its height, by where they lead. */
function ports(routes) {
  const sides = new Map();
  const side = (node, which, at) => {
    const key = `${node.name}/${which}`;
    if (!sides.has(key)) sides.set(key, { node, ends: [] });
    sides.get(key).ends.push(at);
  };
  for (const route of routes) {
    const [first, last] = [route.chain[0], route.chain.at(-1)];
    side(first, "right", { route, end: 0, y: middle(route.chain[1]) });
    side(last, "left", { route, end: 1, y: middle(route.chain.at(-2)) });
    route.ends = [0, 0];
  }
  for (const { node, ends } of sides.values()) {
    ends.sort((a, b) => a.y - b.y || a.route.reversed - b.route.reversed);
    ends.forEach(({ route, end }, i) => { route.ends[end] = node.y + node.h * (i + 1) / (ends.length + 1); });
  }
  for (const route of routes) {
    const points = route.chain.slice(1, -1).flatMap((lane) => [[lane.x, middle(lane)], [lane.x + lane.w, middle(lane)]]);
    const [first, last] = [route.chain[0], route.chain.at(-1)];
    points.unshift([first.x + first.w, route.ends[0]]);
    points.push([last.x, route.ends[1]]);
    route.points = route.flip ? points.reverse() : points;
  }
  return routes;
}

const middle = (node) => node.y + node.h / 2;

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

/** The middle of the longest level piece, or of the first curve. */
function labelAt(points) {
  const [a, b] = points.length > 2 ? [points[1], points[2]] : points;
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

function make(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function titled(words) {
  const title = make("title", {});
  title.textContent = words;
  return title;
}
