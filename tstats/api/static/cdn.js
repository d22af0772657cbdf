// One CDN: against a week before and its capacity, and by type of cache.

import { Chart } from "./chart.js";
import { WEEK, capacityLine, change, silence } from "./comparison.js";
import { h, panel } from "./elements.js";
import { groupTable } from "./group_table.js";
import { ask, cacheStats, currentStats, lines } from "./source.js";
import { tile } from "./tiles.js";

export function cdn(page, name) {
  const tiles = h("div.tiles");
  const bandwidth = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "now and a week before"));
  const connections = page.keep(new Chart("Connections", "count", page.zoom, "now and a week before"));
  const kinds = page.keep(new Chart("Bandwidth by type of cache", "kbps", page.zoom));
  const clients = page.keep(new Chart("Connections by type of cache", "count", page.zoom));
  const list = h("div");
  const charts = [bandwidth, connections, kinds, clients].map((chart) => chart.element);
  page.main.append(tiles, h("div.charts", {}, ...charts), panel("Cache groups", list));

  return async (span, signal) => {
    const [current, kbps, before, line, open, openBefore, byType, clientsByType, { caches }] = await Promise.all([
      currentStats(signal),
      cacheStats(name, "bandwidth", span, signal),
      cacheStats(name, "bandwidth", span, signal, WEEK),
      cacheStats(name, "maxkbps", span, signal),
      cacheStats(name, "connections", span, signal),
      cacheStats(name, "connections", span, signal, WEEK),
      lines("cdn_bandwidth_by_type", name, span, signal),
      lines("cdn_connections_by_type", name, span, signal),
      ask("page/caches", {}, signal),
    ]);
    const now = current.find((one) => one.cdn === name);
    tiles.replaceChildren(...(now ? [tile(name, now, change(kbps, before), silence(kbps, span))] : []));
    const two = (values, earlier) => [
      { name: "now", values, colour: 0, area: true },
      { name: "a week before", values: earlier, colour: 1, dashed: true },
    ];
    bandwidth.draw({ times: span.times, lines: [...two(kbps, before), capacityLine(line, kbps)] });
    connections.draw({ times: span.times, lines: two(open, openBefore) });
    kinds.draw({ times: span.times, lines: byType.lines.map((one, at) => ({ ...one, colour: at })) });
    clients.draw({ times: span.times, lines: clientsByType.lines.map((one, at) => ({ ...one, colour: at })) });
    list.replaceChildren(groupTable(page.state(), caches.filter((one) => one.cdn === name)));
  };
}
