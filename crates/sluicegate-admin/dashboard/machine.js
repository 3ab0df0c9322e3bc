// Workers and the machine under them; what is not known is left out.
import { $, bar, h, put, rows, table } from "./dom.js";
import { NONE, bytes, count, percent, reasons, time } from "./words.js";

export class Machine {
  constructor() {
    const made = table("Table of workers", ["worker", "busy", "processor time", "runs", "now"]);
    this.workers = made.table;
    this.none = h("p", { class: "note" }, "The workers are not told here.");
    $("workers").append(made.region, this.none);
    this.region = made.region;
  }

  update(net, rates) {
    const workers = net.workers || [];
    this.region.hidden = workers.length === 0;
    this.none.hidden = workers.length > 0;
    rows(this.workers, workers.map((w, i) => {
      const use = rates.workers?.[i]?.utilisation;
      const now = w.asleep === true ? "asleep" : w.asleep === false ? "awake" : NONE;
      return [`${w.domain} ${w.worker}`, bar(use, percent(use)), time(w.cpu_us), count(w.runs), now];
    }));
    const pairs = numbers(net).filter(([, words]) => words !== NONE && words !== "");
    const shape = pairs.map(([name]) => name).join();
    if (shape !== this.shape) {
      this.shape = shape;
      $("machine").replaceChildren(...pairs.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}))));
    }
    pairs.forEach(([, words], i) => put($("machine").children[i].lastChild, words));
    $("machine-title").hidden = pairs.length === 0;
  }
}

function numbers(net) {
  const m = net.machine || {};
  const part = (n, all, say) => (n === null || n === undefined ? NONE : all ? `${say(n)} of ${say(all)} (${percent(n / all)})` : say(n));
  const pressure = (n) => (n === null || n === undefined ? NONE : `${Number(n).toFixed(1)} %`);
  const gauges = (net.resources || []).map((r) => [r.heeded ? `${r.name}, heeded by gates` : r.name,
    r.level === "calm" ? percent(r.used) : `${percent(r.used)}, ${r.level}`]);
  return [
    ["processors", count(m.cpus)], ["memory", part(m.rss_bytes, null, bytes)],
    ["of it heap and buffers", bytes(m.anonymous_bytes)], ["of it mapped files", bytes(m.file_bytes)], ["of it shared", bytes(m.shared_bytes)],
    ["swapped out", bytes(m.swapped_bytes)], ["read from disks", bytes(m.disk_read_bytes)], ["written to disks", bytes(m.disk_written_bytes)],
    ["descriptors", part(m.descriptors, m.descriptors_max, count)],
    ["waits for a processor", pressure(m.cpu_pressure)], ["waits for memory", pressure(m.memory_pressure)], ["waits for disks", pressure(m.io_pressure)],
    ["page cache", net.cache ? part(net.cache.bytes, net.cache.budget, bytes) : NONE], ...gauges,
    ["refused by HTTP", reasons(net.http?.refused)], ["log records lost", net.log?.lost ? `${count(net.log.lost)}, ${bytes(net.log.lost_bytes)} of texts${net.log.failing ? "; it cannot be written" : ""}` : NONE],
    ["log records left out", net.log?.left_out ? `${count(net.log.left_out)}${net.log.one_in > 1 ? `; one in ${count(net.log.one_in)} is written` : ""}` : NONE],
  ];
}
