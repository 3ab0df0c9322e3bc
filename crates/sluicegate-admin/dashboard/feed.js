// News of the net: pushed where somebody watches it all the time, else asked for once a second.
import { get, watched, why } from "./ask.js";
import { complete } from "./gates.js";
import { rates } from "./rates.js";

const POLL = 1000;            // milliseconds between two looks
const POLL_MAX = 8000;        // the longest pause when nothing answers
const PATIENCE = 5000;        // how long nothing may be heard before the page says so
const COMING = { kind: "unknown", level: "waiting", words: "Looking …" };

/** Follows the net; `tell` gets each piece of news, `lost` why there is none (null: there is again). */
export function follow(tell, lost) {
  let [heard, source, timer, before, pause, turn] = [performance.now(), null, 0, null, POLL, 0];
  let refused = false;    // there is no place for one more that watches

  const news = (data) => {
    heard = performance.now();
    lost(null);
    // A service that begins or ends has no net yet, or any more.
    if (!data.net?.stages) return;
    const now = complete(data.net);
    tell({ diagnosis: null, incidents: null, ...data, rates: data.rates ?? rates(before, now) });
    if (now.time_ms !== before?.time_ms) before = now;
  };

  const listen = () => {
    source = new EventSource("api/live");
    source.onmessage = (event) => news(JSON.parse(event.data));
    // A browser tries again by itself where nobody answered, and gives up where the answer is no.
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return lost("the connection was lost; trying again");
      refused = true;
      look();
    };
  };

  const look = async () => {
    const mine = turn;
    try {
      const net = await get("api/net");
      if (mine !== turn) return;
      if (watched(net) && !refused) {
        // What is pushed first may take a second to come; a server that has just begun has no past before.
        if (!before) news({ net, diagnosis: COMING, early: true });
        return listen();
      }
      news({ net });
      pause = POLL;
    } catch (error) {
      if (mine !== turn) return;
      // Who answers next may be another server.
      refused = false;
      pause = Math.min(POLL_MAX, pause * 2);
      lost(`${why(error)}; next try in ${pause / 1000} s`);
    }
    timer = setTimeout(look, pause);
  };

  // A look that is under way is of a turn that is over, then.
  const stop = () => { source?.close(); clearTimeout(timer); turn++; };

  // A hidden page costs the server nothing; it goes on when it is seen.
  document.addEventListener("visibilitychange", () => {
    stop();
    [heard, refused] = [performance.now(), false];
    if (!document.hidden) look();
  });
  setInterval(() => {
    const quiet = performance.now() - heard;
    if (quiet > PATIENCE && !document.hidden) lost(`nothing heard for ${Math.round(quiet / 1000)} s; trying again`);
  }, 1000);
  look();
}
