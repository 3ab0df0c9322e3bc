// Numbers as people read them.

const TURNED_AWAY = new Set(["shed", "expired", "refused", "draining", "greedy", "broken"]);

/** What is shown where nothing is known. */
export const NONE = "–";

const known = (n) => n !== null && n !== undefined && Number.isFinite(n);

export const count = (n) => (known(n) ? Math.round(n).toLocaleString("en") : NONE);

export const short = (n) => (!known(n) ? NONE : n >= 1e9 ? `${(n / 1e9).toFixed(1)}G` : n >= 1e6 ? `${(n / 1e6).toFixed(1)}M`
  : n >= 1e4 ? `${Math.round(n / 1e3)}k` : n >= 1e3 ? `${(n / 1e3).toFixed(1)}k`
    : n >= 10 || Number.isInteger(n) ? `${Math.round(n)}` : n.toFixed(1));

export const percent = (share) => (known(share) ? `${Math.round(share * 100)} %` : NONE);

export const perSecond = (n) => (known(n) ? `${short(n)}/s` : NONE);

/** A time in microseconds. */
export function time(us) {
  if (!known(us)) return NONE;
  const of = (n, unit) => `${n >= 100 ? Math.round(n) : Number(n.toPrecision(2))} ${unit}`;
  return us < 1e3 ? of(us, "µs") : us < 1e6 ? of(us / 1e3, "ms") : us < 6e7 ? of(us / 1e6, "s") : span(us / 1e3);
}

/** A longer time in milliseconds. */
export function span(ms) {
  if (!known(ms)) return NONE;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

export function bytes(n) {
  if (!known(n)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${n >= 100 || unit === 0 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** A number of a setting, in its unit. */
export const measure = (n, unit) => (unit === "us" ? time(n) : `${Number(n).toLocaleString("en")} ${unit || ""}`.trim());

export const total = (counts) => Object.values(counts || {}).reduce((sum, n) => sum + n, 0);

/** The sum of the reasons for which a flow is turned away; a client that went is not among them. */
export const refused = (counts) => total(Object.fromEntries(
  Object.entries(counts || {}).filter(([why]) => TURNED_AWAY.has(why))));

/** The reasons that have been seen, most frequent first, as words. */
export const reasons = (counts) => Object.entries(counts || {}).filter(([, n]) => n > 0)
  .sort((a, b) => b[1] - a[1]).map(([why, n]) => `${why} ${short(n)}`).join(", ");
