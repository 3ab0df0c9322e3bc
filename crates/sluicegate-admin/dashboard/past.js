// What happened: the last hour of the net as charts, and what controllers and people did meanwhile.
import { get, watched } from "./ask.js";
import { Chart, spans } from "./chart.js";
import { $, h, put, quoted } from "./dom.js";
import { history } from "./history.js";
import { percent, short, span } from "./words.js";

const LOOK = 2000;    // milliseconds between two looks at the past
const SHOWN = 40;     // incidents in the list
const MISSED = 1500;  // milliseconds between two pieces of news after which one was missed

export class Past {
  constructor(choose) {
    this.choose = choose;
    [this.incidents, this.told, this.looked] = [[], -Infinity, -Infinity];
    this.charts = [
      new Chart("Flows per second", [{ key: "served_s", name: "answered", look: "a" }, { key: "refused_s", name: "not answered", look: "b" }], short),
      new Chart("The most saturated stage", [{ key: "saturation", name: "saturation", look: "a" }], percent, 1),
    ];
    $("past").append(h("div", { class: "charts" }, this.charts.map((chart) => chart.element)));
    this.span = spans($("past-spans"), (chosen) => { this.span = chosen; this.look(); });
  }

  update(net, rates, { incidents, early }) {
    // A net that was begun anew has another clock.
    if (net.time_ms < this.net?.time_ms) [this.incidents, this.told, this.looked] = [[], -Infinity, -Infinity];
    this.net = net;
    if (early) return;
    history.note(net, rates);
    this.add(incidents || []);
    // What is pushed has only what is new; what was asked for has none.
    if (watched(net) && !(incidents && net.time_ms - this.told < MISSED)) this.all();
    this.told = incidents ? net.time_ms : -Infinity;
    if (performance.now() - this.looked > LOOK) this.look();
    this.list();
  }

  async all() {
    const told = await get("api/incidents").catch(() => null);
    if (told) this.add(told.incidents);
    this.list();
  }

  add(more) {
    const key = (one) => `${one.at_ms}/${one.kind}/${one.stage}/${one.words}`;
    const have = new Set(this.incidents.map(key));
    this.incidents.push(...more.filter((one) => !have.has(key(one))));
    this.incidents.sort((a, b) => b.at_ms - a.at_ms);
    this.incidents.length = Math.min(this.incidents.length, 512);
  }

  async look() {
    this.looked = performance.now();
    const told = await history.of("").catch(() => null);
    for (const chart of this.charts) chart.show(told, this.net.time_ms, this.span, this.incidents.map((one) => one.at_ms));
  }

  list() {
    const shown = this.incidents.slice(0, SHOWN);
    const list = $("incidents");
    const shape = shown.map((one) => `${one.at_ms}${one.words}`).join();
    if (shape !== this.shape) {
      this.shape = shape;
      list.replaceChildren(...shown.map((one) => this.item(one)));
      if (shown.length === 0) list.append(h("li", { class: "none" }, "No decision of a controller and no incident is known."));
    }
    shown.forEach((one, i) => put(list.children[i].querySelector("time"), `${span(this.net.time_ms - one.at_ms)} ago`));
  }

  item({ at_ms, kind, stage, words }) {
    const moment = new Date(Date.now() - (this.net.time_ms - at_ms));
    const at = stage ? h("button", { type: "button", class: "plain", click: () => this.choose(stage) }, stage) : null;
    return h("li", { "data-kind": kind }, h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }), h("span", { class: "badge" }, kind), at, h("span", {}, quoted(words)));
  }
}
