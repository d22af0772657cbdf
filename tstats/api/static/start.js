// The page: its address, its controls, its views, and the refresh.

import { h } from "./elements.js";
import { begin, gate } from "./session.js";
import { ResponseError } from "./source.js";
import { address, between, read, span } from "./state.js";
import { clock, day, duration } from "./units.js";
import { cacheGroup } from "./cache_group.js";
import { cdn } from "./cdn.js";
import { days } from "./days.js";
import { deliveryService } from "./delivery_service.js";
import { health } from "./health.js";
import { overview } from "./overview.js";
import { server } from "./server.js";

const VIEWS = {
  cdn: { title: (name) => (name ? `CDN ${name}` : "All CDNs"), show: (page, name) => (name ? cdn(page, name) : overview(page)) },
  deliveryservice: { title: (name) => (name ? `Delivery service ${name}` : "Delivery services"), show: deliveryService },
  cachegroup: { title: (name) => (name ? `Cache group ${name}` : "Cache groups"), show: cacheGroup },
  server: { title: (name) => (name ? `Server ${name}` : "Servers"), show: server },
  days: { title: () => "Days", show: days, timeless: true },
  health: { title: () => "Health of tstats", show: health, timeless: true },
};
const UNAUTHORIZED = 401;

const part = (id) => document.getElementById(id);
const main = part("main");
let state = read(location.search);
let shownView = { key: null, refresh: null, closers: [] };
let running = null;
let timer = 0;

/** Go to another state, and add it to the history. */
function go(next) {
  history.pushState(null, "", address(next));
  load();
}

function follow(event) {
  const link = event.target.closest("a");
  const own = link && link.origin === location.origin && link.pathname === location.pathname && link.getAttribute("href").startsWith("?");
  if (!own || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  // The views in the navigation keep the current range.
  const target = read(new URL(link.href).search);
  const plain = link.closest(".top");
  go(plain ? { ...state, view: target.view, name: "", q: "" } : target);
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** What a view may use of the page; `note` changes the state and the address, and nothing else. */
function page() {
  const closers = shownView.closers;
  return {
    main,
    reload: load,
    note: (change) => {
      state = { ...state, ...change };
      history.replaceState(null, "", address(state));
    },
    state: () => state,
    zoom: (from, to) => go(between(state, from, to)),
    keep: (chart) => {
      closers.push(() => chart.close());
      return chart;
    },
  };
}

async function load() {
  clearTimeout(timer);
  running?.abort();
  const mine = (running = new AbortController());
  state = read(location.search);
  if (!(state.view in VIEWS)) state = { ...state, view: "cdn", name: "" };
  const view = VIEWS[state.view];
  const range = span(state, Date.now() / 1000);
  controls(view, range);
  const key = `${state.view}\n${state.name}`;
  if (key !== shownView.key) open(view, key);
  main.setAttribute("aria-busy", "true");
  try {
    await shownView.refresh(range, mine.signal);
    notice("");
    part("asked").textContent = `As of ${new Date().toISOString().slice(11, 19)} UTC`;
  } catch (error) {
    if (error.name === "AbortError") return;
    failed(error);
  }
  if (mine !== running) return;
  main.setAttribute("aria-busy", "false");
  later(range);
}

function open(view, key) {
  for (const close of shownView.closers) close();
  shownView = { key, refresh: null, closers: [] };
  main.replaceChildren(h("h1", {}, view.title(state.name)));
  document.title = `${view.title(state.name)} · tstats`;
  shownView.refresh = view.show(page(), state.name);
}

function failed(error) {
  if (!(error instanceof ResponseError)) console.error(error);
  if (error.status === UNAUTHORIZED) {
    for (const close of shownView.closers) close();
    shownView = { key: null, refresh: null, closers: [] };
    notice("");
    main.replaceChildren(gate(error.message, load));
    return;
  }
  const text = error instanceof ResponseError ? error.message : "This page has a bug; see the browser's console.";
  notice(`${text} The data shown may be out of date.`);
}

function notice(text) {
  const element = part("notice");
  element.hidden = !text;
  if (element.textContent !== text) element.textContent = text;
}

/** Schedule the next refresh, unless the range is fixed; a hidden tab is not refreshed. */
function later(range) {
  const seconds = Number(state.refresh);
  if (!seconds || range.fixed || shownView.key === null) return;
  timer = setTimeout(() => (document.hidden ? null : load()), seconds * 1000);
}

function controls(view, range) {
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  part("controls").classList.toggle("timeless", Boolean(view.timeless));
  for (const input of document.querySelectorAll("[name=range]")) input.checked = !range.fixed && input.value === state.range;
  const interval = part("interval");
  interval.value = state.interval;
  interval.options[0].textContent = state.interval ? "auto" : `auto (${range.literal})`;
  const refresh = part("refresh");
  refresh.value = state.refresh;
  const sameDay = day(range.start) === day(range.end - 1);
  part("span").textContent = view.timeless
    ? ""
    : `${day(range.start)} ${clock(range.start)} – ${sameDay ? "" : `${day(range.end)} `}${clock(range.end)} UTC (${duration(range.end - range.start)})`;
  part("unzoom").hidden = !range.fixed;
}

/** Move and stretch the range; `move` is in lengths of the range. */
function look(move, stretch) {
  const { start, end } = span(state, Date.now() / 1000);
  const length = end - start;
  const middle = (start + end) / 2 + move * length;
  go(between(state, middle - (length * stretch) / 2, middle + (length * stretch) / 2));
}

function wire() {
  document.addEventListener("click", follow);
  addEventListener("popstate", load);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Number(state.refresh)) load();
  });
  part("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const input of document.querySelectorAll("[name=range]")) {
    input.addEventListener("change", () => go({ ...state, range: input.value, from: "", to: "" }));
  }
  part("interval").addEventListener("change", (event) => go({ ...state, interval: event.target.value }));
  part("refresh").addEventListener("change", (event) => go({ ...state, refresh: event.target.value }));
  part("unzoom").addEventListener("click", () => go({ ...state, from: "", to: "" }));
  part("earlier").addEventListener("click", () => look(-0.5, 1));
  part("later").addEventListener("click", () => look(0.5, 1));
  part("wider").addEventListener("click", () => look(0, 2));
  part("closer").addEventListener("click", () => look(0, 0.5));
}

wire();
await begin().catch(() => null);
load();
