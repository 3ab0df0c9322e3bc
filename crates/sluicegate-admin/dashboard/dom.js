// Elements made and changed in few words.
import { heat } from "./state.js";
import { count } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (functions are listeners, false and null are left out but of aria) and children. */
export function h(name, attributes = {}, ...children) {
  return dress(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return dress(document.createElementNS(SVG, name), attributes, children);
}

function dress(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key.startsWith("aria-") && value !== null && value !== undefined) element.setAttribute(key, value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

/** Says these words, and touches the page only where they are new. */
export function put(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Words in which names stand between backticks, as elements. */
export const quoted = (words) => words.split("`").map((part, i) => (i % 2 ? h("b", { class: "name" }, part) : part));

/** The same, where they are new. */
export function quote(element, words) {
  if (element.textContent !== words.replaceAll("`", "")) element.replaceChildren(...quoted(words));
}

export function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Fills the rows of a table; the first cell heads its row. Cells are words or elements. */
export function rows(table, lines) {
  const body = table.tBodies[0];
  while (body.rows.length > lines.length) body.lastElementChild.remove();
  lines.forEach((cells, i) => {
    const row = body.rows[i] || body.appendChild(h("tr"));
    cells.forEach((cell, n) => fill(row.children[n] || row.appendChild(n === 0 ? h("th", { scope: "row" }) : h("td")), cell));
  });
}

function fill(at, cell) {
  if (cell instanceof Node) {
    if (at.firstChild !== cell || at.childNodes.length > 1) at.replaceChildren(cell);
  } else {
    put(at, cell);
  }
}

/** A table with these heads inside a region that can be scrolled by keys. */
export function table(name, heads) {
  const head = h("thead", {}, h("tr", {}, heads.map((words) => (words ? h("th", { scope: "col" }, words) : h("td")))));
  const made = h("table", {}, h("caption", { class: "quiet" }, name), head, h("tbody"));
  return { table: made, region: h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name }, made) };
}

/** A bar that shows a share, with the words beside it. */
export function bar(share, words) {
  const level = h("i", { class: "level" });
  level.style.inlineSize = `${Math.round(100 * Math.min(1, Math.max(0, share || 0)))}%`;
  return h("span", { class: "bar", "data-state": heat(share) }, h("i", { class: "track", "aria-hidden": "true" }, level), words);
}

/** A sum: words between numbers, each as [name, number] with its name below it. */
export function equation(host, terms) {
  if (host.children.length !== terms.length) {
    host.replaceChildren(...terms.map((term) => (typeof term === "string" ? h("span", {}, term) : h("div", {}, h("b"), h("small", {}, term[0])))));
  }
  terms.forEach((term, i) => typeof term !== "string" && put(host.children[i].firstChild, count(term[1])));
}
