// News of the net: pushed by the server where it can, else asked for once a second.
import { at } from "./ask.js";
import { complete } from "./gates.js";
import { rates } from "./rates.js";

const POLL = 1000;            // milliseconds between two looks
const POLL_MAX = 8000;        // the longest pause when nothing answers
const PATIENCE = 5000;        // how long nothing may be heard before the page says so

/** Follows the net; `tell` gets each piece of news, `lost` why there is none (null: there is again). */
export function follow(tell, lost) {
  let [heard, source, timer, before, pause] = [performance.now(), null, 0, null, POLL];

  const news = (data) => {
    heard = performance.now();
    lost(null);
    // A service that begins or ends has no net yet, or any more.
    if (!data.net?.stages) return;
    const now = complete(data.net);
    const pushed = Boolean(data.rates);
    tell({ diagnosis: null, incidents: [], ...data, rates: data.rates ?? rates(before, now), pushed });
    if (now.time_ms !== before?.time_ms) before = now;
  };

  const listen = () => {
    source = new EventSource("api/live");
    source.onmessage = (event) => news(JSON.parse(event.data));
    // A browser tries again by itself where nobody answered, and gives up where the answer is no.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return lost("the connection was lost; trying again");
      look();
    };
  };

  const look = async () => {
    try {
      const reply = await fetch(at("api/net"), { cache: "no-store", signal: AbortSignal.timeout(4000) });
      if (!reply.ok) throw new Error(`api/net answers ${reply.status}`);
      const net = await reply.json();
      // Who comes back after a while may be another server, which pushes.
      if (pause > POLL) { pause = POLL; return listen(); }
      news({ net });
      pause = POLL;
    } catch (error) {
      pause = Math.min(POLL_MAX, pause * 2);
      const why = error.name === "TimeoutError" ? "no answer in 4 s" : error.message;
      lost(`${why}; next try in ${pause / 1000} s`);
    }
    timer = setTimeout(look, pause);
  };

  const stop = () => { source?.close(); clearTimeout(timer); };

  // A hidden page costs the server nothing; it goes on when it is seen.
  document.addEventListener("visibilitychange", () => {
    stop();
    heard = performance.now();
    if (!document.hidden) listen();
  });
  setInterval(() => {
    const quiet = performance.now() - heard;
    if (quiet > PATIENCE && !document.hidden) lost(`nothing heard for ${Math.round(quiet / 1000)} s; trying again`);
  }, 1000);
  listen();
}
