// The values at the cursor of a chart.

import { h } from "./elements.js";
import { clock, day, shown } from "./units.js";

const MAX_ROWS = 13;

export class Tooltip {
  /** @param {HTMLElement} frame the frame of the chart */
  constructor(frame, unit) {
    this.frame = frame;
    this.unit = unit;
    this.element = h("div.tooltip", { role: "status", hidden: true });
    frame.append(this.element);
  }

  hide() {
    this.element.hidden = true;
  }

  /** Show `rows` of {name, color, value} at a time, beside a position in the frame. */
  show(time, rows, left, top) {
    const ordered = [...rows].sort((a, b) => (b.value ?? -1) - (a.value ?? -1)).slice(0, MAX_ROWS);
    this.element.replaceChildren(
      h("p", {}, `${day(time)} ${clock(time)} UTC`),
      ...ordered.map((row) => {
        const swatch = h("span.swatch", { "aria-hidden": "true" });
        swatch.style.background = row.color;
        return h("p", {}, swatch, h("span", {}, row.name), h("b", {}, shown(row.value, this.unit)));
      }),
    );
    this.element.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const room = this.frame.clientWidth;
    const beside = left + 14 + width > room ? left - 14 - width : left + 14;
    this.element.style.left = `${Math.max(0, Math.min(beside, room - width))}px`;
    this.element.style.top = `${Math.max(0, Math.min(top, this.frame.clientHeight - height))}px`;
  }
}
