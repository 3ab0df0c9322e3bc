// All stages and wires as tables: for screen readers, phones, and those who want the numbers.
import { $, bar, h, rows, table } from "./dom.js";
import { state } from "./state.js";
import { count, percent, perSecond, short, time, total } from "./words.js";

export class Stages {
  constructor(choose) {
    this.choose = choose;
    this.buttons = new Map();
    const stages = table("Table of stages", ["stage", "state", "saturation", "queued", "capacity", "oldest waits", "comes", "served", "not answered", "wait p99", "service p99", "busy", "where"]);
    const wires = table("Table of wires", ["wire", "flow", "held", "window", "unanswered", "refused", "when full", "kind"]);
    $("stages").append(stages.region);
    $("wires").append(wires.region);
    Object.assign(this, { stages: stages.table, wires: wires.table });
  }

  update(net, rates) {
    const all = net.stages.map((stage, i) => [stage, rates.stages[i]]);
    // In steps of a tenth, so that rows do not change places all the time.
    const rank = ([, rate]) => Math.round(10 * (rate.saturation ?? 0));
    all.sort((a, b) => rank(b) - rank(a));
    rows(this.stages, all.map(([s, rate]) => {
      const { sign, word } = state(s, rate);
      return [this.button(s.name), `${sign} ${word}`.trim(), bar(rate.saturation, percent(rate.saturation)), count(s.queued), short(s.capacity), time(s.queue_age_us),
        perSecond(rate.arrivals_s), perSecond(rate.served_s), `${count(total(s.refused))}${rate.refused_s > 0 ? ` (${perSecond(rate.refused_s)})` : ""}`,
        time(s.wait?.p99_us ?? null), time(s.service?.p99_us ?? null), percent(rate.utilisation),
        s.domain ? `${s.domain} (${s.kind}) ×${s.on_duty ?? s.replicas}` : s.kind];
    }));
    rows(this.wires, (net.wires || []).map((w, i) => [`${w.from}.${w.port} → ${w.to}`, perSecond(rates.wires[i]?.sent_s), count(w.held), count(w.window), count(w.unanswered),
      count(w.refused), w.returns ? "answers" : w.on_full, [w.fused ? "fused" : "", w.routing, w.copies].filter(Boolean).join(", ")]));
  }

  button(name) {
    if (!this.buttons.has(name)) this.buttons.set(name, h("button", { type: "button", class: "plain", click: () => this.choose(name) }, name));
    return this.buttons.get(name);
  }
}
