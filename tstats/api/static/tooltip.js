// The values under the cursor of a chart.

import { h } from "./elements.js";
import { clock, day, shown } from "./units.js";

const MOST = 13;

export class Tooltip {
  /** @param {HTMLElement} frame of the chart */
  constructor(frame, unit) {
    this.frame = frame;
    this.unit = unit;
    this.element = h("div.tooltip", { role: "status", hidden: true });
    frame.append(this.element);
  }

  hide() {
    this.element.hidden = true;
  }

  /** Show `rows` of {name, colour, value} at a moment, beside a place within the frame. */
  show(time, rows, left, top) {
    const ordered = [...rows].sort((one, other) => (other.value ?? -1) - (one.value ?? -1)).slice(0, MOST);
    this.element.replaceChildren(
      h("p", {}, `${day(time)} ${clock(time)} UTC`),
      ...ordered.map((row) => {
        const swatch = h("span.swatch", { "aria-hidden": "true" });
        swatch.style.background = row.colour;
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
