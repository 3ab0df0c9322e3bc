// Questions to the admin listener and changes of what runs, with the server's own words where it says no.

/** Where to ask: a browser asks no address that has a user and a password in it, as the page's own may have. */
const at = (path) => new URL(path, location.origin + location.pathname);

/** Whether somebody looks at this net all the time: then news are pushed, and its past is kept. */
export const watched = (net) => net?.viewers !== undefined;

/** Asks; a browser calls it a TypeError where there is nobody who answers. */
const reach = (path, how) => fetch(at(path), { ...how, signal: AbortSignal.timeout(8000) }).catch((error) => {
  throw error instanceof TypeError ? new Error("the server cannot be reached", { cause: error }) : error;
});

/** JSON of a path; null where the server has nothing there. */
export async function get(path) {
  const reply = await reach(path, { cache: "no-store" });
  if (reply.status === 404) return null;
  if (!reply.ok) throw new Error((await reply.text()).trim() || `${path} answers ${reply.status}`);
  return reply.json();
}

/** Changes something in the name of who looks. */
export async function post(path, query = {}) {
  const pairs = Object.entries({ ...query, ...by() });
  const text = pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  const reply = await reach(`${path}?${text}`, { method: "POST" });
  const said = await reply.text();
  if (!reply.ok) throw new Error(said.trim() || `${path} answers ${reply.status}`);
  document.dispatchEvent(new Event("changed"));
  return JSON.parse(said);
}

/** Why something went wrong, for people. */
export const why = (error) => (error.name === "TimeoutError" ? "no answer in 8 s" : error.message);

const KEY = "sluicegate-name";

/** Keeps the name in this browser, so that the log says who changed what. */
export function name(field) {
  field.value = localStorage.getItem(KEY) || "";
  field.addEventListener("change", () => localStorage.setItem(KEY, field.value.trim()));
}

function by() {
  const name = localStorage.getItem(KEY);
  return name ? { by: name } : {};
}
