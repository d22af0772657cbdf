// A chart: uPlot in a figure that can be read, zoomed and navigated by keyboard.

import { h } from "./elements.js";
import { legend } from "./legend.js";
import { Tooltip } from "./tooltip.js";
import { clock, day, shown } from "./units.js";

const MIN_DRAG = 8; // pixels; a shorter drag is a click
const cursors = () => uPlot.sync("page");

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const quiet = () => style("--quiet");
const grid = () => style("--grid");

/** The color of a line. */
function color(line) {
  return line.faint ? style("--faint") : style(`--line-${line.color % 12}`);
}

/**
 * A chart of {times, lines}; a line is {name, values, color, dashed?, faint?, area?, off?, link?}.
 * `color` is a number. A `faint` line is only there for comparison; a line that is `off` is hidden until the user
 * shows it.
 */
export class Chart {
  #plot = null;
  #shape = "";
  #drawn = { times: [], lines: [] };
  #chosen = new Map(); // whether a line is shown, if the user has chosen

  /**
   * @param {string} title
   * @param {string} unit a key of UNITS
   * @param {(from: number, to: number) => void} zoom called with the range to show, in seconds
   * @param {string} note a subtitle
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

  /** Release everything. */
  close() {
    removeEventListener("theme", this.theme);
    this.sizes.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** Draw `{times, lines}`; the user's choice of lines is kept. */
  draw(drawn) {
    const lines = drawn.lines.filter((line) => line.values.some((value) => value !== null));
    this.#drawn = { times: drawn.times, lines };
    const text = !lines.length ? "No points in this range." : typeof uPlot === "undefined" ? "Charts need uPlot: pip install 'tstats[page]'" : "";
    this.message.textContent = text;
    this.message.hidden = !text;
    this.frame.hidden = Boolean(text);
    this.#legend();
    const shape = JSON.stringify(lines.map((line) => [line.name, line.color, line.dashed, line.faint, this.#isShown(line)]));
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
    legend(this.lines, lines, { unit: this.unit, color, isShown: (line) => this.#isShown(line), toggle });
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
          stroke: color(line),
          width: line.faint ? 1.5 : 2,
          dash: line.dashed ? [6, 5] : undefined,
          fill: line.area ? `${color(line)}22` : undefined,
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
    // The cursors of all charts move together, but only one chart has the user's attention.
    const here = this.frame.matches(":hover") || this.frame.matches(":focus-visible");
    if (!here || left < 0 || idx === null || idx === undefined) {
      this.tooltip.hide();
      return;
    }
    const rows = this.#drawn.lines
      .filter((line) => this.#isShown(line))
      .map((line) => ({ name: line.name, color: color(line), value: line.values[idx] }));
    this.tooltip.show(this.#drawn.times[idx], rows, plot.over.offsetLeft + left, top);
  }

  #selected(plot) {
    const { left, width } = plot.select;
    if (width < MIN_DRAG) return;
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
const TIME_STEPS = [1, 2, 5, 10, 15, 30].map((step) => step * MINUTE).concat([1, 2, 3, 4, 6, 12].map((step) => step * HOUR), [1, 2, 4, 7, 14, 30].map((step) => step * DAY));

/** The label of each tick: the time, or the date where a day begins. */
function timeLabels(_, splits) {
  return splits.map((time, at) => (time % DAY === 0 || (at === 0 && splits.at(-1) - time > 3 * DAY) ? day(time) : clock(time)));
}
