// Some settings: read, changed, and refused in the server's words.
import { get, post, why } from "./ask.js";
import { h, put, quoted } from "./dom.js";
import { measure } from "./words.js";

const LOOK = 5000;    // milliseconds between two looks at what others may have changed

export class Settings {
  /** Those under a path that `mine` chooses by theirs; `prefix` is left out where they are named. */
  constructor(name, under, mine = () => true, prefix = `${under}.`) {
    Object.assign(this, { under, mine, prefix });
    this.fields = new Map();
    this.list = h("div", { class: "settings" });
    this.error = h("p", { class: "error", role: "alert" });
    this.element = h("div", {}, h("h3", {}, name), this.list, this.error);
  }

  update() {
    const due = !this.asked || performance.now() - this.asked > LOOK;
    if (!due || !this.element.isConnected) return;
    this.asked = performance.now();
    this.look();
  }

  async look() {
    try {
      const { settings } = await get(`api/settings?under=${this.under}`) || { settings: [] };
      const mine = settings.filter(({ path }) => this.mine(path));
      for (const setting of mine) this.show(setting);
      this.element.hidden = mine.length === 0;
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
    const form = h("form", { class: "setting" }, h("label", { for: id }, path.startsWith(this.prefix) ? path.slice(this.prefix.length) : path), now,
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
