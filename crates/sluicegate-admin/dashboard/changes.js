// What was changed while it ran, and by whom.
import { get, why } from "./ask.js";
import { $, h, put, rows, table } from "./dom.js";
import { span } from "./words.js";

const LOOK = 5000;    // milliseconds between two looks

export class Changes {
  constructor() {
    const made = table("Changes, newest first", ["when", "by", "what", "from", "to"]);
    this.table = made.table;
    this.region = made.region;
    this.told = h("p", { class: "note" });
    $("changes").append(made.region, this.told);
    document.addEventListener("changed", () => this.look());
  }

  update(net) {
    this.net = net;
    if (!this.looked || performance.now() - this.looked > LOOK) this.look();
  }

  async look() {
    this.looked = performance.now();
    try {
      // Nothing lies under this path: the list of settings is left out.
      const { changes } = await get("api/settings?under=-") || { changes: [] };
      const newest = [...changes].reverse();
      this.region.hidden = newest.length === 0;
      put(this.told, newest.length ? "" : "Nothing was changed.");
      rows(this.table, newest.map((c) => [`${span(this.net.time_ms - c.time_ms)} ago`, c.by, c.path, c.from, c.to]));
    } catch (error) {
      put(this.told, why(error));
    }
  }
}
