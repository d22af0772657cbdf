// The legend of a chart: every line with its last value, as a switch.

import { h } from "./elements.js";
import { shown } from "./units.js";

/** The last value that there is. */
export function last(values) {
  for (let at = values.length - 1; at >= 0; at -= 1) if (values[at] !== null) return values[at];
  return null;
}

/**
 * Fill `element` anew; who is on one of its switches stays there.
 * @param {{unit: string, colour: Function, isShown: Function, toggle: Function}} how
 */
export function legend(element, lines, { unit, colour, isShown, toggle }) {
  const focused = [...element.querySelectorAll("button")].indexOf(document.activeElement);
  element.replaceChildren(
    ...lines.map((line) => {
      const swatch = h("span.swatch", { "aria-hidden": "true" });
      swatch.style.background = colour(line);
      const button = h(
        "button",
        { type: "button", "aria-pressed": String(isShown(line)), title: "Show or hide", onclick: () => toggle(line) },
        swatch,
        h("span", {}, line.name),
        h("b", {}, shown(last(line.values), unit)),
      );
      return h("span.entry", {}, button, line.link ? h("a", { href: line.link, "aria-label": `${line.name}: open` }, "›") : null);
    }),
  );
  if (focused >= 0) element.querySelectorAll("button")[focused]?.focus();
}
