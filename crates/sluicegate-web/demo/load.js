// Load from this browser: a bounded number of requests under way, sent at a chosen rate.

const UNDER_WAY_MAX = 32;   // further requests are held back and counted
const KEPT = 400;           // answers whose times are kept for the quantiles
const TICK = 50;            // milliseconds between looks at the clock
const FILES = ["/", "/style.css", "/app.js", "/logo.svg"];

export class Load {
  constructor(shown) {
    this.shown = shown;
    this.tally = { ok: 0, refused: 0, failed: 0, held: 0 };
    this.times = [];
    this.under = 0;
    this.sent = 0;
    this.timer = 0;
  }

  get running() { return this.timer !== 0; }

  start(rate, what) {
    this.stop();
    this.rate = rate;
    this.what = what;
    this.due = 0;
    this.before = performance.now();
    this.timer = setInterval(() => this.tick(), TICK);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  tick() {
    const now = performance.now();
    // A page that slept does not make up for it with a burst.
    this.due += this.rate * Math.min(now - this.before, 4 * TICK) / 1000;
    this.before = now;
    for (; this.due >= 1; this.due--) {
      if (this.under < UNDER_WAY_MAX) this.ask();
      else this.tally.held++;
    }
    this.shown(this.tally, this.quantiles());
  }

  async ask() {
    this.under++;
    const burn = this.what === "burn" || (this.what === "mixed" && this.sent % 2 === 0);
    const url = burn ? "/burn?us=2000" : FILES[this.sent % FILES.length];
    this.sent++;
    const begun = performance.now();
    try {
      const reply = await fetch(url, { cache: "no-store" });
      await reply.arrayBuffer();
      if (reply.ok) this.answered(performance.now() - begun);
      else if (reply.status === 503 || reply.status === 429) this.tally.refused++;
      else this.tally.failed++;
    } catch {
      this.tally.failed++;
    }
    this.under--;
  }

  answered(ms) {
    this.tally.ok++;
    this.times.push(ms);
    if (this.times.length > KEPT) this.times.shift();
  }

  quantiles() {
    const sorted = [...this.times].sort((a, b) => a - b);
    const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    return sorted.length ? { p50: at(.5), p99: at(.99) } : null;
  }
}
