// The servers, or one of them.

import { isSilent } from "./attention.js";
import { Chart } from "./chart.js";
import { h, meter, panel, table } from "./elements.js";
import { ask, lines } from "./source.js";
import { linkTo } from "./state.js";
import { fact } from "./tiles.js";
import { duration, percent, shown } from "./units.js";

const MAX_ROWS = 200; // with more caches, search

export function server(page, name) {
  return name ? detail(page, name) : list(page);
}

function list(page) {
  const field = h("input", { type: "search", id: "filter", autocomplete: "off", spellcheck: "false", value: page.state().q });
  const results = h("div");
  let known = [];
  const fill = () => {
    const like = field.value.trim().toLowerCase();
    const words = (cache) => [cache.hostname, cache.cachegroup, cache.cdn, cache.type].join(" ").toLowerCase();
    results.replaceChildren(serverTable(page.state(), known.filter((cache) => words(cache).includes(like))));
  };
  field.addEventListener("input", () => {
    page.note({ q: field.value });
    fill();
  });
  page.main.append(panel("Now", h("div.search", {}, h("label", { for: "filter" }, "Name, cache group, CDN or type"), field), results));
  return async (_, signal) => {
    known = (await ask("page/caches", {}, signal)).caches;
    fill();
  };
}

/** Create a table of caches; those that report no points come first. */
export function serverTable(state, caches) {
  const now = Date.now() / 1000;
  const silent = (cache) => Number(isSilent(cache, now));
  const ordered = [...caches].sort((a, b) => silent(b) - silent(a) || (b.kbps ?? 0) - (a.kbps ?? 0));
  const rows = ordered.slice(0, MAX_ROWS).map((cache) => {
    const used = cache.capacity ? (cache.kbps ?? 0) / cache.capacity : null;
    return [
      h("a", { href: linkTo(state, "server", cache.hostname) }, cache.hostname),
      h("a", { href: linkTo(state, "cachegroup", cache.cachegroup) }, cache.cachegroup),
      cache.cdn,
      cache.type,
      shown(cache.kbps, "kbps"),
      used === null ? "–" : h("span.used", {}, meter(used, `Bandwidth used by ${cache.hostname}`), ` ${percent(used)}`),
      shown(cache.connections, "count"),
      silent(cache) ? h("strong.bad", {}, `${duration(now - cache.time)} ago`) : `${duration(now - cache.time)} ago`,
    ];
  });
  const columns = [{ name: "Server" }, { name: "Cache group" }, { name: "CDN" }, { name: "Type" }, { name: "Bandwidth", number: true }, { name: "Of maximum" }, { name: "Connections", number: true }, { name: "Newest point", number: true }];
  const found = table("Servers", columns, rows, "No matching cache has reported points in the last 24 hours.");
  return ordered.length > MAX_ROWS ? h("div", {}, found, h("p.fine", {}, `${ordered.length - MAX_ROWS} more: narrow your search.`)) : found;
}

function detail(page, name) {
  const facts = h("dl.facts");
  const bandwidth = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "and its maximum (maxKbps)"));
  const connections = page.keep(new Chart("Connections", "count", page.zoom));
  const wraps = page.keep(new Chart("Wrap count", "count", page.zoom, "how often each cache volume has wrapped around"));
  page.main.append(facts, h("div.charts", {}, bandwidth.element, connections.element, wraps.element));

  return async (span, signal) => {
    const charts = ["server_bandwidth", "server_capacity", "server_connections", "server_wraps_vol1", "server_wraps_vol2"];
    const [{ caches }, ...found] = await Promise.all([ask("page/caches", {}, signal), ...charts.map((chart) => lines(chart, name, span, signal))]);
    const [kbps, maxKbps, clients, first, second] = found.map((answer) => answer.lines[0]?.values ?? []);
    const cache = caches.find((known) => known.hostname === name);
    facts.replaceChildren(...(cache ? summary(page.state(), cache) : []));
    const peak = Math.max(0, ...kbps);
    const least = Math.min(...maxKbps.filter((value) => value !== null));
    bandwidth.draw({
      times: span.times,
      lines: [
        { name: "bandwidth", values: kbps, color: 0, area: true },
        { name: "maximum", values: maxKbps, faint: true, dashed: true, off: peak < least * 0.3 },
      ],
    });
    connections.draw({ times: span.times, lines: [{ name: "connections", values: clients, color: 2, area: true }] });
    wraps.draw({
      times: span.times,
      lines: [
        { name: "volume 1", values: first, color: 3 },
        { name: "volume 2", values: second, color: 4 },
      ],
    });
  };
}

function summary(state, cache) {
  const age = Date.now() / 1000 - cache.time;
  return [
    fact(shown(cache.kbps, "kbps"), "bandwidth now"),
    fact(shown(cache.connections, "count"), "connections"),
    fact(h("a", { href: linkTo(state, "cachegroup", cache.cachegroup) }, cache.cachegroup), "cache group"),
    fact(h("a", { href: linkTo(state, "cdn", cache.cdn) }, cache.cdn), "CDN"),
    fact(cache.type, "type"),
    fact(isSilent(cache) ? h("strong.bad", {}, `${duration(age)} ago`) : `${duration(age)} ago`, "newest point"),
  ];
}
