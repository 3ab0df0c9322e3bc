// In which state a stage is, in a word, a sign and a colour.
import { count, percent, perSecond, refused, short, time } from "./words.js";

const BUSY = .6;     // saturation from which a stage is worth a look
const FULL = .9;     // and from which it holds others up
const SIGNS = { full: "◼", busy: "▲", calm: "" };

/** How a share is coloured. */
export const heat = (share) => (share >= FULL ? "full" : share >= BUSY ? "busy" : "calm");

/** `level` colours, `sign` says the same without colour, `word` is short. */
export function state(stage, rate) {
  const saturation = rate?.saturation ?? 0;
  if (stage.broken_now > 0 && stage.broken_now !== false) return { level: "full", sign: "✕", word: "broken" };
  if (stage.paused) return { level: "held", sign: "Ⅱ", word: "paused" };
  if (stage.parked_now) return { level: "full", sign: "◼", word: "parked" };
  const level = heat(saturation);
  return { level, sign: SIGNS[level], word: saturation >= .005 ? percent(saturation) : "idle" };
}

/** All that is drawn of a stage, as a sentence for those who do not see the drawing. */
export function sentence(stage, rate) {
  const words = [`${stage.name}: ${state(stage, rate).word}`, `${count(stage.queued)} of ${count(stage.capacity)} queued`];
  if (rate?.served_s !== null && rate?.served_s !== undefined) words.push(`${perSecond(rate.served_s)} served`);
  if (stage.queued > 0 && stage.queue_age_us) words.push(`the oldest waits ${time(stage.queue_age_us)}`);
  if (stage.parked_on?.length) words.push(`waits for room at ${stage.parked_on.join(", ")}`);
  const away = refused(stage.refused);
  if (away) words.push(`${short(away)} refused since the start`);
  for (const gate of (stage.admission || []).slice(0, 1)) words.push(gateWords(gate));
  return words.join(", ");
}

/** What a gate says of itself. */
function gateWords(gate) {
  const target = gate.votes.find((vote) => vote.target_us)?.target_us;
  return `gate (${gate.votes.map((vote) => vote.law).join(", ")}): refused ${count(refused(gate.refused))} of `
    + `${count(gate.offered)}, ${time(gate.work_us)} of work wait` + (target ? ` for a target of ${time(target)}` : "");
}
