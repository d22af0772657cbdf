// The legend of a chart: a button per line, with its last value.

import { h } from "./elements.js";
import { shown } from "./units.js";

/** The last value that is not null. */
export function last(values) {
  for (let at = values.length - 1; at >= 0; at -= 1) if (values[at] !== null) return values[at];
  return null;
}

/**
 * Fill `element` again, and keep the focus.
 * @param {{unit: string, color: Function, isShown: Function, toggle: Function}} options
 */
export function legend(element, lines, { unit, color, isShown, toggle }) {
  const focused = [...element.querySelectorAll("button")].indexOf(document.activeElement);
  element.replaceChildren(
    ...lines.map((line) => {
      const swatch = h("span.swatch", { "aria-hidden": "true" });
      swatch.style.background = color(line);
      const button = h(
        "button",
        { type: "button", "aria-pressed": String(isShown(line)), title: "Show or hide", onclick: () => toggle(line) },
        swatch,
        h("span", {}, line.name),
        h("b", {}, shown(last(line.values), unit)),
      );
      return h("span.entry", {}, button, line.link ? h("a", { href: line.link, "aria-label": `Open ${line.name}` }, "›") : null);
    }),
  );
  if (focused >= 0) element.querySelectorAll("button")[focused]?.focus();
}
