// Elements of the page, made without any HTML text.

/**
 * An element.
 * @param {string} tag its name, with classes: "p.warn"
 * @param {Object} attributes an attribute each; `on…` are listeners, false and null are left out
 * @param {...(Node|string|null)} children null is left out
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
 * A table in a frame that scrolls by itself where the screen is narrow.
 * @param {string} caption what it is
 * @param {{name: string, number?: boolean}[]} columns
 * @param {(Node|string)[][]} rows
 * @param {string} empty what stands in its place without rows
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
      h("thead", {}, h("tr", {}, ...columns.map((one) => h("th", { scope: "col", ...kind(one) }, one.name)))),
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

/** A panel with a heading. */
export function panel(title, ...children) {
  return h("section.panel", {}, h("h2", {}, title), ...children);
}

/** How much of something is used, as a bar: `share` is 1 where all is. */
export function meter(share, label) {
  return h("meter", { min: "0", max: "1", low: "0.7", high: "0.85", optimum: "0", value: String(share), "aria-label": label });
}
