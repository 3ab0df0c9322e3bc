// Asks for the net twice a second and shows it: figures, drawing and ledger.
import { $, equation, h, put, set, svg } from "./dom.js";
import { Drawing } from "./draw.js";
import { Load } from "./load.js";
import { rates } from "./rates.js";
import { count, refused, short, total } from "./words.js";

const POLL = 500;             // milliseconds between two looks
const POLL_MAX = 8000;        // the longest pause when nothing answers
const HISTORY = 240;          // looks kept: two minutes
const drawing = new Drawing($("net"));
const history = [];
let before = null;
let pause = POLL;

async function look() {
  try {
    const reply = await fetch("/api/net", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!reply.ok) throw new Error(`/api/net answers ${reply.status}`);
    show(await reply.json());
    pause = POLL;
  } catch (error) {
    pause = Math.min(POLL_MAX, pause * 2);
    const why = error.name === "TimeoutError" ? "no answer in 4 s" : error.message;
    state("lost", `Not live: ${why}. Next try in ${pause / 1000} s`);
  }
  setTimeout(() => (document.hidden ? wake() : look()), pause);
}

/** A hidden page does not look; it starts again when it is seen. */
function wake() {
  document.addEventListener("visibilitychange", look, { once: true });
}

function show(net) {
  const now = rates(before, net);
  before = net;
  state("live", `Live, ${net.stages.length} stages`);
  drawing.update(net, now);
  figures(net, now);
  ledger(net.ledger);
}

function figures(net, now) {
  put($("fig-rate"), short(now.finished_s));
  put($("fig-flight"), count(net.ledger.in_flight));
  put($("fig-refused"), count(refused(net.ledger.ended)));
  put($("fig-open"), count(net.ledger.connections?.open ?? 0));
  history.push([now.finished_s ?? 0, refused(now.ended_s)]);
  if (history.length > HISTORY) history.shift();
  const top = Math.max(1, ...history.map(([a, b]) => Math.max(a, b)));
  const begin = HISTORY - history.length;
  const line = (which) => history.map((two, i) => `${begin + i} ${(38 - 36 * two[which] / top).toFixed(1)}`).join("L");
  set($("history"), "viewBox", `0 0 ${HISTORY - 1} 40`);
  $("history").replaceChildren(
    svg("path", { class: "answers", d: `M${begin} 40L${line(0)}L${HISTORY - 1} 40z` }),
    svg("path", { class: "refusals", d: `M${line(1)}` }));
}

function ledger(l) {
  equation($("flows"), [["entered", l.entered], "+", ["forked", l.forked], "=", ["ended", total(l.ended)], "+", ["joined", l.joined], "+", ["in flight", l.in_flight]]);
  $("balance").dataset.state = l.balanced ? "even" : "uneven";
  put($("balance"), `${l.balanced ? "Even" : "Not even"}, as of ${count(l.age_ms)} ms ago`);
  reasons($("ended"), l.ended);
  const c = l.connections;
  if (!c) return;
  equation($("connections"), [["opened", c.opened], "=", ["closed", total(c.closed)], "+", ["open", c.open]]);
  reasons($("closed"), c.closed);
}

function reasons(host, counts) {
  const seen = Object.entries(counts || {}).filter(([, n]) => n > 0);
  host.replaceChildren(...seen.map(([why, n]) => h("li", {}, `${why} `, h("b", {}, count(n)))));
}

function state(name, words) {
  $("status").dataset.state = name;
  put($("status"), words);
}

/** One to a thousand per second, so that each step of the slider feels the same. */
const rate = () => Math.round(10 ** (3 * $("rate").value / 100));

function controls() {
  const load = new Load((tally, times) => {
    for (const [key, n] of Object.entries(tally)) put($(`load-${key}`), count(n));
    put($("load-p50"), times ? `${times.p50.toFixed(1)} ms` : "–");
    put($("load-p99"), times ? `${times.p99.toFixed(1)} ms` : "–");
  });
  const what = () => $("load-form").elements.what.value;
  const sync = () => {
    put($("rate-shown"), `${count(rate())} per second`);
    if (load.running) load.start(rate(), what());
    put($("go"), load.running ? "Close the gate" : "Open the gate");
    set($("go"), "aria-pressed", load.running);
  };
  $("load-form").addEventListener("input", sync);
  $("load-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (load.running) load.stop();
    else load.start(rate(), what());
    sync();
  });
  put($("wrk"), `wrk -t1 -c64 -d10 ${location.origin}/`);
  sync();
}

controls();
look();
