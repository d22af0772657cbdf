// The page's elements, created without parsing HTML.

/**
 * Create an element.
 * @param {string} tag its name and classes: "p.warn"
 * @param {Object} attributes its attributes; `on…` are listeners, false and null are skipped
 * @param {...(Node|string|null)} children null is skipped
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Create a table in a frame that scrolls on narrow screens.
 * @param {string} caption its caption
 * @param {{name: string, number?: boolean}[]} columns
 * @param {(Node|string)[][]} rows
 * @param {string} empty shown instead if there are no rows
 */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return h("p.empty", {}, empty);
  const kind = (column) => ({ class: column.number ? "number" : null });
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption.hidden", {}, caption),
      h("thead", {}, h("tr", {}, ...columns.map((column) => h("th", { scope: "col", ...kind(column) }, column.name)))),
      h(
        "tbody",
        {},
        ...rows.map((row) =>
          h("tr", {}, ...row.map((cell, at) => h(at ? "td" : "th", { scope: at ? null : "row", ...kind(columns[at]) }, cell))),
        ),
      ),
    ),
  );
}

/** Create a panel with a heading. */
export function panel(title, ...children) {
  return h("section.panel", {}, h("h2", {}, title), ...children);
}

/** Create a bar that shows how much of something is used, from 0 to 1. */
export function meter(share, label) {
  return h("meter", { min: "0", max: "1", low: "0.7", high: "0.85", optimum: "0", value: String(share), "aria-label": label });
}
