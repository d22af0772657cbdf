// A CDN: compared with a week earlier and its capacity, and by type of cache.

import { Chart } from "./chart.js";
import { WEEK, capacityLine, change, silence } from "./comparison.js";
import { h, panel } from "./elements.js";
import { groupTable } from "./group_table.js";
import { ask, cacheStats, currentStats, lines } from "./source.js";
import { tile } from "./tiles.js";

export function cdn(page, name) {
  const tiles = h("div.tiles");
  const bandwidth = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "now and a week earlier"));
  const connections = page.keep(new Chart("Connections", "count", page.zoom, "now and a week earlier"));
  const bandwidthByType = page.keep(new Chart("Bandwidth by type of cache", "kbps", page.zoom));
  const connectionsByType = page.keep(new Chart("Connections by type of cache", "count", page.zoom));
  const list = h("div");
  const charts = [bandwidth, connections, bandwidthByType, connectionsByType].map((chart) => chart.element);
  page.main.append(tiles, h("div.charts", {}, ...charts), panel("Cache groups", list));

  return async (span, signal) => {
    const [current, kbps, before, maxKbps, clients, clientsBefore, kbpsByType, clientsByType, { caches }] = await Promise.all([
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
    const now = current.find((row) => row.cdn === name);
    tiles.replaceChildren(...(now ? [tile(name, now, change(kbps, before), silence(kbps, span))] : []));
    const compared = (values, earlier) => [
      { name: "now", values, color: 0, area: true },
      { name: "a week earlier", values: earlier, color: 1, dashed: true },
    ];
    bandwidth.draw({ times: span.times, lines: [...compared(kbps, before), capacityLine(maxKbps, kbps)] });
    connections.draw({ times: span.times, lines: compared(clients, clientsBefore) });
    bandwidthByType.draw({ times: span.times, lines: kbpsByType.lines.map((line, at) => ({ ...line, color: at })) });
    connectionsByType.draw({ times: span.times, lines: clientsByType.lines.map((line, at) => ({ ...line, color: at })) });
    list.replaceChildren(groupTable(page.state(), caches.filter((cache) => cache.cdn === name)));
  };
}
