// The page: follows the net and hands each piece of news to the parts that show it.
import { name } from "./ask.js";
import { Diagnosis } from "./diagnosis.js";
import { $, put } from "./dom.js";
import { Drawing } from "./draw.js";
import { follow } from "./feed.js";
import { Flows } from "./flows.js";
import { Ledger } from "./ledger.js";
import { Machine } from "./machine.js";
import { Past } from "./past.js";
import { StagePanel } from "./stage.js";
import { Stages } from "./stages.js";
import { Changes } from "./changes.js";
import { span } from "./words.js";

const drawing = new Drawing($("net"), choose);
const panel = new StagePanel($("stage"), () => choose(null));
const parts = [new Diagnosis(choose), drawing, new Past(choose), new Stages(choose), panel,
  new Flows(), new Ledger(), new Machine(), new Changes()];
let net = null;

/** Shows a stage, or none; the address keeps it, so that it can be sent to somebody. */
function choose(stage) {
  const hash = stage ? `#stage=${encodeURIComponent(stage)}` : "";
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname + location.search);
  open(stage, true);
}

function open(stage, focus) {
  const before = panel.name;
  document.body.classList.toggle("chosen", Boolean(stage));
  drawing.mark(stage);
  panel.open(stage, net, focus);
  if (!stage && before && focus) drawing.focus(before);
}

const chosen = () => new URLSearchParams(location.hash.slice(1)).get("stage");

function tell(news) {
  const first = net === null;
  net = news.net;
  put($("name"), net.name);
  if (first && chosen()) open(chosen(), false);
  for (const part of parts) part.update(net, news.rates, news);
  drawing.seek(panel.name || news.diagnosis?.stage);
  const age = net.age_ms === undefined ? "" : `The numbers were ${net.age_ms.toFixed(1)} ms old when they were sent. `;
  put($("age"), `${age}The net's clock: ${span(net.time_ms)}.`);
  document.body.dataset.ready = "true";
}

function lost(why) {
  const state = why ? "lost" : "live";
  $("link").dataset.state = state;
  document.body.dataset.link = state;
  put($("link"), why ? `Not live: ${why}` : "Live");
}

addEventListener("popstate", () => open(chosen(), true));
addEventListener("hashchange", () => open(chosen(), true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.name) choose(null);
});
name($("who"));
follow(tell, lost);
