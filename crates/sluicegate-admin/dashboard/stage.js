// One stage: its numbers, its past, and what may be done with it.
import { post, why } from "./ask.js";
import { Chart, spans } from "./chart.js";
import { h, put, set } from "./dom.js";
import { history } from "./history.js";
import { Laws } from "./laws.js";
import { Settings } from "./settings.js";
import { sentence, state } from "./state.js";
import { NONE, count, percent, perSecond, reasons, short, time } from "./words.js";

const LOOK = 2000;    // milliseconds between two looks at the past

export class StagePanel {
  constructor(host, close) {
    Object.assign(this, { host, close, name: null });
  }

  /** Opens a stage, or closes the panel where `name` is null. */
  open(name, net, focus) {
    if (name === this.name) { if (name && focus) this.title?.focus(); return; }
    this.name = name;
    this.host.hidden = !name;
    this.host.replaceChildren();
    this.title = null;
    if (!name) return;
    this.build();
    if (this.last) this.update(...this.last);
    if (focus) {
      this.title.focus({ preventScroll: true });
      this.host.scrollIntoView({ block: "nearest" });
    }
  }

  build() {
    this.looked = -Infinity;
    this.title = h("h2", { id: "stage-title", tabindex: -1 }, this.name);
    const close = h("button", { type: "button", class: "plain", click: () => this.close(), "aria-label": "Close this stage" }, "Close");
    this.badge = h("span", { class: "badge" });
    this.told = h("p", { class: "told" });
    this.error = h("p", { class: "error", role: "alert" });
    this.steer = h("div", { class: "buttons", role: "group", "aria-label": `Hold ${this.name} still` },
      ["pause", "step", "resume"].map((verb) => h("button", { type: "button", "data-verb": verb, click: () => this.make(verb) }, verb[0].toUpperCase() + verb.slice(1))));
    this.steps = h("span", { class: "note" });
    this.numbers = h("dl", { class: "numbers" });
    this.joined = h("ul", { class: "joined", "aria-label": "Wires" });
    this.laws = new Laws(this.name, (error) => put(this.error, error));
    this.settings = new Settings("Settings", "", (path) => this.owns(path), `stages.${this.name}.`);
    this.charts = [
      new Chart("Queued", [{ key: "queued", name: "queued", look: "a" }], short),
      new Chart("Events per second", [{ key: "arrivals_s", name: "came", look: "c" }, { key: "served_s", name: "served", look: "a" }, { key: "refused_s", name: "not answered", look: "b" }], short),
      new Chart("Wait, 99th percentile", [{ key: "wait_p99_us", name: "wait", look: "a" }], time),
      new Chart("Saturation", [{ key: "saturation", name: "saturation", look: "a" }], percent, 1),
    ];
    const ranges = h("div", {});
    this.span = spans(ranges, (span) => { this.span = span; this.past(); });
    this.host.append(
      h("div", { class: "head" }, h("span", { class: "titled" }, this.title, this.badge), close), this.told,
      h("div", { class: "steer" }, this.steer, this.steps), this.error,
      h("div", { class: "head" }, h("h3", {}, "The past"), ranges), h("div", { class: "charts" }, this.charts.map((chart) => chart.element)),
      h("h3", {}, "Now"), this.numbers, this.joined, this.laws.element, this.settings.element);
  }

  update(net, rates, news) {
    this.last = [net, rates, news];
    if (!this.title) return;
    if (!news.early && performance.now() - this.looked > LOOK) this.past();
    const stage = net.stages.find((s) => s.name === this.name);
    if (!stage) { put(this.told, `No stage ${this.name} is in this net now.`); return; }
    const rate = rates.stages.find((r) => r.name === this.name) || {};
    const { level, sign, word } = state(stage, rate);
    set(this.badge, "data-state", level);
    put(this.badge, `${sign} ${word}`.trim());
    put(this.told, `${sentence(stage, rate)}.`);
    this.steer.parentElement.hidden = stage.kind === "gate";
    const can = { pause: !stage.paused, step: stage.paused, resume: stage.paused };
    for (const button of this.steer.children) button.disabled = !can[button.dataset.verb];
    put(this.steps, stage.paused ? `Paused: nothing is handled.${stage.steps ? ` ${stage.steps} steps are left.` : ""}` : "");
    this.fill(numbers(stage, rate));
    this.wires(net, rates);
    this.laws.update(stage);
    this.settings.update();
  }

  /** Whether a setting is of this stage, of its wires, or of its domain. */
  owns(path) {
    const stages = this.last?.[0].stages || [];
    const domain = stages.find((s) => s.name === this.name)?.domain;
    const under = (name) => path.startsWith(`stages.${name}.`) || path.startsWith(`wires.${name}.`);
    // Names may have dots: a stage does not show what belongs to one whose name is longer.
    const longer = stages.some(({ name }) => name.startsWith(`${this.name}.`) && under(name));
    return (under(this.name) && !longer) || path.startsWith(`domains.${domain}.`);
  }

  fill(pairs) {
    const known = pairs.filter(([, words]) => words && words !== NONE);
    const shape = known.map(([name]) => name).join();
    if (shape !== this.shape || !this.numbers.firstChild) {
      this.shape = shape;
      this.numbers.replaceChildren(...known.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}))));
    }
    known.forEach(([, words], i) => put(this.numbers.children[i].lastChild, words));
  }

  wires(net, rates) {
    const lines = (net.wires || []).map((wire, i) => [wire, rates.wires[i]?.sent_s]).filter(([w]) => w.from === this.name || w.to === this.name).map(([w, rate]) => {
      const words = [`${w.from}.${w.port} → ${w.to}`, perSecond(rate), w.returns ? "answers" : `when full: ${w.on_full}`];
      if (w.held) words.push(`${count(w.held)} held`);
      if (w.window) words.push(`window ${count(w.window)}${w.unanswered > 0 ? `, ${count(w.unanswered)} unanswered` : ""}`);
      if (w.refused) words.push(`${count(w.refused)} refused`);
      if (w.fused) words.push("fused: a call");
      return words.filter((word) => word !== NONE).join(" · ");
    });
    lines.forEach((words, i) => put(this.joined.children[i] || this.joined.appendChild(h("li")), words));
    while (this.joined.children.length > lines.length) this.joined.lastElementChild.remove();
  }

  async past() {
    const [name, net] = [this.name, this.last?.[0]];
    if (!net) return;
    this.looked = performance.now();
    try {
      const told = await history.of(name);
      if (name === this.name) for (const chart of this.charts) chart.show(told, this.last[0].time_ms, this.span);
    } catch (error) {
      put(this.error, why(error));
    }
  }

  async make(verb) {
    put(this.error, "");
    try {
      await post(`api/stages/${this.name.split("/").map(encodeURIComponent).join("/")}/${verb}`);
    } catch (error) {
      put(this.error, why(error));
    }
  }
}

/** What is known of a stage, as pairs of words. */
function numbers(s, rate) {
  const three = (at) => (at ? `p50 ${time(at.p50_us)}, p90 ${time(at.p90_us)}, p99 ${time(at.p99_us)}, at most ${time(at.max_us)}` : NONE);
  const some = (n) => (n ? count(n) : NONE);
  return [
    ["where", s.domain ? `${s.domain} (${s.kind}), ${count(s.replicas)} ${s.replicas === 1 ? "replica" : "replicas"}${s.on_duty && s.on_duty !== s.replicas ? `, ${count(s.on_duty)} on duty` : ""}` : s.kind],
    ["queue", `${count(s.queued)} of ${count(s.capacity)}`],
    ["oldest waits", time(s.queue_age_us)],
    ["in hand", s.running === undefined ? NONE : `${count(s.running)} of ${count(s.concurrency)}`],
    ["comes", perSecond(rate.arrivals_s)], ["served", perSecond(rate.served_s)], ["not answered", perSecond(rate.refused_s)],
    ["utilisation", percent(rate.utilisation)],
    ["on a processor, about", percent(rate.cpu)],
    ["wait", three(s.wait)], ["service", three(s.service)],
    ["batches", s.batch_sizes ? `mean ${Number(s.batch_sizes.mean ?? 0).toFixed(1)}, p50 ${count(s.batch_sizes.p50)}, p99 ${count(s.batch_sizes.p99)}, at most ${count(s.batch_sizes.max)}` : s.batches ? `mean ${(s.served / s.batches).toFixed(1)}` : NONE],
    ["parked", s.parked ? `${count(s.parked)} times${s.parked_us ? `, ${time(s.parked_us)}` : ""}${s.parked_on?.length ? `; now on ${s.parked_on.join(", ")}` : ""}` : NONE],
    ["refused since the start", reasons(s.refused) || NONE],
    ["refused by class", (s.refused_by_class || []).map(({ class: of, ...whys }) => `${of}: ${reasons(whys) || 0}`).join("; ") || NONE],
    ["overruns", some(s.overruns)], ["panics", some(s.panics)], ["breaker opened", some(s.breaks)], ["replaced", some(s.replaced)],
  ];
}
