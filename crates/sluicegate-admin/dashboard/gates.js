// Gates of services that are no stages of a net: what they have each is added up, so that they look like one.

/** Whether this is told of gates and not of a net. */
export const gates = (net) => net.stages.every((stage) => stage.kind === "gate");

/** Completes what is told of gates; a net stays as it is. */
export function complete(net) {
  if (!gates(net)) return net;
  net.time_ms ??= Math.max(0, ...net.stages.map((stage) => stage.time_ms ?? 0));
  net.ledger ??= sum(net.stages.map((stage) => stage.ledger).filter(Boolean));
  return net;
}

function sum(ledgers) {
  const whole = { entered: 0, ended: {}, in_flight: 0, balanced: true };
  for (const { entered, ended, in_flight, balanced } of ledgers) {
    whole.entered += entered;
    whole.in_flight += in_flight;
    whole.balanced &&= balanced;
    for (const [why, n] of Object.entries(ended)) whole.ended[why] = (whole.ended[why] ?? 0) + n;
  }
  return whole;
}
