// The ledger: whether every flow is accounted for; and the classes with their response times.
import { $, equation, h, put, rows, set, table } from "./dom.js";
import { count, reasons, refused, short, time, total } from "./words.js";

export class Ledger {
  constructor() {
    const made = table("Classes of flows", ["class", "answered", "refused", "p50", "p90", "p99", "at most"]);
    this.classes = made.table;
    $("classes").append(made.region);
    this.region = made.region;
    this.none = h("p", { class: "note" }, "No class has been counted yet.");
    $("classes").append(this.none);
  }

  update(net) {
    const classes = net.classes || [];
    this.region.hidden = classes.length === 0;
    this.none.hidden = classes.length > 0;
    rows(this.classes, classes.map((c) => [String(c.class), count(c.finished), short(refused(c.ended)), ...["p50_us", "p90_us", "p99_us", "max_us"].map((key) => time(c.response?.[key] ?? null))]));
    if (net.ledger) this.ledger(net.ledger);
  }

  ledger(l) {
    equation($("equation"), [["entered", l.entered], "+", ["forked", l.forked ?? 0], "=", ["ended", total(l.ended)], "+", ["joined", l.joined ?? 0], "+", ["in flight", l.in_flight]]);
    this.verdict(l.balanced, l.age_ms === undefined ? "" : `, as of ${l.age_ms.toFixed(1)} ms before this was sent`);
    put($("ended"), reasons(l.ended));
    const c = l.connections;
    if (c) equation($("connections"), [["opened", c.opened], "=", ["closed", total(c.closed)], "+", ["open", c.open]]);
  }

  verdict(balanced, words) {
    set($("balance"), "data-state", balanced ? "even" : "uneven");
    put($("balance"), balanced ? `✓ Balances${words}` : `✕ Does not balance${words}`);
  }
}
