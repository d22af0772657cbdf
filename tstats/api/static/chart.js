// A chart: uPlot within a figure that people can read, zoom and walk through by keys.

import { h } from "./elements.js";
import { legend } from "./legend.js";
import { Tooltip } from "./tooltip.js";
import { clock, day, shown } from "./units.js";

const CLICK = 8; // pixels: a shorter drag is none
const cursors = () => uPlot.sync("page");

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const quiet = () => style("--quiet");
const grid = () => style("--grid");

/** The colour of a line. */
function colour(line) {
  return line.faint ? style("--faint") : style(`--line-${line.colour % 12}`);
}

/**
 * What is drawn: {times, lines}; a line is {name, values, colour, dashed?, faint?, area?, off?, link?}.
 * `colour` is a number; a `faint` line is no data of its own but something to compare with, and one that is `off`
 * is drawn when somebody asks for it.
 */
export class Chart {
  #plot = null;
  #shape = "";
  #drawn = { times: [], lines: [] };
  #chosen = new Map(); // whether a line is shown, where somebody has said so

  /**
   * @param {string} title
   * @param {string} unit of units.js
   * @param {(from: number, to: number) => void} zoom called with the range to look at, in seconds
   * @param {string} note what the title does not say
   */
  constructor(title, unit, zoom, note = "") {
    this.unit = unit;
    this.zoom = zoom;
    this.frame = h("div.plot", { tabindex: "0", role: "group", "aria-label": title, onkeydown: (event) => this.#key(event) });
    this.lines = h("div.legend");
    this.message = h("p.empty", { hidden: true });
    this.tooltip = new Tooltip(this.frame, unit);
    this.element = h("figure.panel.chart", { "data-chart": title }, h("figcaption", {}, h("h2", {}, title), note ? h("p", {}, note) : null));
    this.element.append(this.frame, this.message, this.lines);
    this.sizes = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    this.sizes.observe(this.frame);
    this.theme = () => this.#build();
    addEventListener("theme", this.theme);
  }

  /** Give everything back. */
  close() {
    removeEventListener("theme", this.theme);
    this.sizes.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** Draw `{times, lines}`; what somebody has switched on or off stays so. */
  draw(drawn) {
    const lines = drawn.lines.filter((line) => line.values.some((value) => value !== null));
    this.#drawn = { times: drawn.times, lines };
    const text = !lines.length ? "No points in this range." : typeof uPlot === "undefined" ? "Charts need uPlot: pip install 'tstats[page]'" : "";
    this.message.textContent = text;
    this.message.hidden = !text;
    this.frame.hidden = Boolean(text);
    this.#legend();
    const shape = JSON.stringify(lines.map((line) => [line.name, line.colour, line.dashed, line.faint, this.#isShown(line)]));
    if (this.#plot && shape === this.#shape && !text) this.#plot.setData(this.#data());
    else this.#build();
    this.#shape = shape;
  }

  #isShown(line) {
    return this.#chosen.get(line.name) ?? !line.off;
  }

  #legend() {
    const { lines } = this.#drawn;
    const toggle = (line) => {
      this.#chosen.set(line.name, !this.#isShown(line));
      this.draw(this.#drawn);
    };
    legend(this.lines, lines, { unit: this.unit, colour, isShown: (line) => this.#isShown(line), toggle });
  }

  #data() {
    return [this.#drawn.times, ...this.#drawn.lines.map((line) => line.values)];
  }

  #size() {
    return { width: Math.max(this.frame.clientWidth, 100), height: this.frame.clientHeight || 240 };
  }

  #build() {
    this.#plot?.destroy();
    this.#plot = null;
    if (this.frame.hidden || !this.#drawn.lines.length) return;
    const { lines } = this.#drawn;
    const axis = { stroke: quiet(), font: "12px system-ui, sans-serif", grid: { stroke: grid(), width: 1 }, ticks: { show: false } };
    const options = {
      ...this.#size(),
      legend: { show: false },
      padding: [10, 22, 0, 0],
      cursor: {
        drag: { x: true, y: false, setScale: false },
        sync: { key: cursors().key },
        points: { size: 7 },
      },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
      axes: [
        { ...axis, size: 30, gap: 8, space: 64, values: timeLabels, incrs: TIME_STEPS },
        { ...axis, size: 74, gap: 8, space: 36, values: (_, splits) => splits.map((value) => shown(value, this.unit)) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.name,
          show: this.#isShown(line),
          stroke: colour(line),
          width: line.faint ? 1.5 : 2,
          dash: line.dashed ? [6, 5] : undefined,
          fill: line.area ? `${colour(line)}22` : undefined,
          points: { show: line.values.filter((value) => value !== null).length === 1 ? true : undefined },
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.#read(plot)],
        setSelect: [(plot) => this.#selected(plot)],
      },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    };
    this.#plot = new uPlot(options, this.#data(), this.frame);
  }

  #read(plot) {
    const { left, top, idx } = plot.cursor;
    // The cursors of all charts move together; one of them is looked at.
    const here = this.frame.matches(":hover") || this.frame.matches(":focus-visible");
    if (!here || left < 0 || idx === null || idx === undefined) {
      this.tooltip.hide();
      return;
    }
    const rows = this.#drawn.lines
      .filter((line) => this.#isShown(line))
      .map((line) => ({ name: line.name, colour: colour(line), value: line.values[idx] }));
    this.tooltip.show(this.#drawn.times[idx], rows, plot.over.offsetLeft + left, top);
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < CLICK) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoom(from, to);
  }

  #key(event) {
    const plot = this.#plot;
    if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
    const { times } = this.#drawn;
    const at = plot.cursor.left >= 0 ? (plot.cursor.idx ?? times.length - 1) : times.length;
    const move = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: times.length - 1 }[event.key];
    const [from, to] = [times[0], times.at(-1)];
    const middle = plot.cursor.left >= 0 ? times[plot.cursor.idx] : (from + to) / 2;
    if (move !== undefined) {
      const to = Math.min(Math.max(move, 0), times.length - 1);
      plot.setCursor({ left: plot.valToPos(times[to], "x"), top: plot.over.clientHeight / 3 });
    } else if (event.key === "+") this.zoom(middle - (to - from) / 4, middle + (to - from) / 4);
    else if (event.key === "-") this.zoom(middle - (to - from), middle + (to - from));
    else if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
    else return;
    event.preventDefault();
  }
}

const [MINUTE, HOUR, DAY] = [60, 3600, 86400];
const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((one) => one * MINUTE).concat([1, 2, 3, 4, 6, 12].map((one) => one * HOUR), [1, 2, 4, 7, 14, 30].map((one) => one * DAY));

/** The time at each mark, and the day where one begins. */
function timeLabels(_, splits) {
  return splits.map((time, at) => (time % DAY === 0 || (at === 0 && splits.at(-1) - time > 3 * DAY) ? day(time) : clock(time)));
}
