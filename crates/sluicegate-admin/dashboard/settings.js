// The settings of a stage, of its wires and of its domain: read, changed, and refused in the server's words.
import { get, post, why } from "./ask.js";
import { h, put, quoted } from "./dom.js";
import { measure } from "./words.js";

const LOOK = 5000;    // milliseconds between two looks at what others may have changed

export class Settings {
  constructor(stage) {
    this.stage = stage;
    this.fields = new Map();
    this.list = h("div", { class: "settings" });
    this.error = h("p", { class: "error", role: "alert" });
    this.element = h("div", {}, h("h3", {}, "Settings"), this.list, this.error);
  }

  update(stage, net) {
    const due = !this.asked || performance.now() - this.asked > LOOK;
    if (!due || !this.element.isConnected) return;
    this.asked = performance.now();
    this.look(stage, net);
  }

  async look(stage, net) {
    const own = [`stages.${stage.name}.`, `wires.${stage.name}.`, `domains.${stage.domain}.`];
    try {
      const { settings } = await get("api/settings") || { settings: [] };
      // Names may have dots: a stage does not show what belongs to one whose name is longer.
      const longer = net.stages.map((s) => s.name).filter((name) => name.startsWith(`${stage.name}.`));
      const others = longer.flatMap((name) => [`stages.${name}.`, `wires.${name}.`]);
      const mine = settings.filter(({ path }) => own.some((head) => path.startsWith(head)) && !others.some((head) => path.startsWith(head)));
      for (const setting of mine) this.show(setting);
      if (mine.length === 0) put(this.error, "There are none.");
    } catch (error) {
      put(this.error, why(error));
    }
  }

  show(setting) {
    if (!this.fields.has(setting.path)) this.add(setting);
    const { input, now } = this.fields.get(setting.path);
    put(now, `now ${measure(setting.value, setting.unit)}`);
    // Who is typing is not disturbed.
    if (document.activeElement !== input && input.dataset.touched !== "true") input.value = setting.value;
  }

  add({ path, doc, unit, least, most, live, default: first }) {
    const id = `set-${path.replace(/[^a-z0-9]/gi, "-")}`;
    const range = `${measure(least, unit === "us" ? unit : "")} to ${measure(most, unit)}; at the start ${measure(first, unit)}`;
    const input = h("input", { id, name: path, inputmode: "decimal", autocomplete: "off", disabled: !live, "aria-describedby": `${id}-hint` });
    const now = h("span", { class: "now" });
    const error = h("p", { class: "error", role: "alert" });
    const button = live ? h("button", { class: "small", "aria-label": `Set ${path}` }, "Set") : null;
    const form = h("form", { class: "setting" }, h("label", { for: id }, path.replace(`stages.${this.stage}.`, "")), now,
      h("span", { class: "entry" }, input, h("span", { class: "unit" }, unit === "us" ? "µs" : unit || ""), button),
      h("p", { class: "note", id: `${id}-hint` }, quoted(`${doc} ${range}.`), live ? "" : " Not while the net runs."), error);
    input.addEventListener("input", () => { input.dataset.touched = "true"; });
    form.addEventListener("submit", (event) => { event.preventDefault(); this.change(path, input, error); });
    this.fields.set(path, { input, now });
    this.list.append(form);
  }

  async change(path, input, error) {
    put(error, "");
    try {
      const { settings } = await post("api/settings", { [path]: input.value.trim() });
      input.dataset.touched = "false";
      for (const setting of settings) { input.value = setting.value; this.show(setting); }
    } catch (fault) {
      put(error, why(fault));
    }
  }
}
