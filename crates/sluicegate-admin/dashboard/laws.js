// The laws of a stage's gate: what each measures and says, and which are frozen.
import { post, why } from "./ask.js";
import { h, put, rows, set, table } from "./dom.js";
import { NONE, count, percent, perSecond, refused, time } from "./words.js";

export class Laws {
  constructor(stage, fail) {
    Object.assign(this, { stage, fail });
    this.buttons = new Map();
    const made = table("Laws of this gate", ["law", "", "measured, target", "says"]);
    this.table = made.table;
    this.told = h("p", { class: "note" });
    this.element = h("div", { class: "laws", hidden: true }, h("h3", {}, "Laws of the gate"), this.told, made.region);
  }

  /** All queues of an inlet have the same laws: where they say different things, each of them is told. */
  update(stage) {
    const gates = stage.admission || [];
    this.element.hidden = gates.length === 0;
    if (gates.length === 0) return;
    const away = gates.reduce((sum, gate) => sum + refused(gate.refused), 0);
    const offered = gates.reduce((sum, gate) => sum + gate.offered, 0);
    put(this.told, `Refused ${count(away)} of ${count(offered)} since the start. Together the laws say: ${[...new Set(gates.map(says))].join(" / ")}.`);
    rows(this.table, gates[0].votes.map((vote, i) => {
      const of = (pick) => [...new Set(gates.map((gate) => pick(gate.votes[i] || {})))].join(" / ");
      return [vote.law, this.button(vote), vote.target_us ? `${of((v) => time(v.measured_us))} of ${time(vote.target_us)}` : of((v) => time(v.measured_us)), of(says)];
    }));
  }

  button(vote) {
    if (!this.buttons.has(vote.law)) {
      this.buttons.set(vote.law, h("button", { type: "button", class: "small", click: () => this.turn(vote.law) }));
    }
    const button = this.buttons.get(vote.law);
    put(button, vote.frozen ? "Frozen: let go" : "Freeze");
    set(button, "aria-pressed", vote.frozen);
    set(button, "aria-label", vote.frozen ? `${vote.law} is frozen: let go` : `Freeze ${vote.law}`);
    return button;
  }

  async turn(law) {
    this.fail("");
    const frozen = this.buttons.get(law).getAttribute("aria-pressed") !== "true";
    try {
      await post("api/freeze", { stage: this.stage, law, frozen });
    } catch (error) {
      this.fail(why(error));
    }
  }
}

/** The bounds that hold, in words. */
function says({ bounds = {}, pressure, quality }) {
  const words = [];
  const add = (value, text) => value !== null && value !== undefined && value !== false && words.push(text);
  add(bounds.work_us, `work up to ${time(bounds.work_us)}`);
  add(bounds.events, `up to ${count(bounds.events)} events`);
  add(bounds.rate, `up to ${perSecond(bounds.rate)}`);
  add(bounds.patience_us, `waits up to ${time(bounds.patience_us)}`);
  add(bounds.newest_first, "newest first");
  add(bounds.share, `refuses ${percent(bounds.share)}`);
  for (const [of, rate] of Object.entries(bounds.class_rates || {})) add(rate, `class ${of} up to ${perSecond(rate)}`);
  if (pressure > 0) words.push(`pressure ${percent(pressure)}`);
  if (quality < 1) words.push(`quality ${percent(quality)}`);
  return words.join(", ") || NONE;
}
