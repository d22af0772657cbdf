// All CDNs: their last values, what needs attention, and their charts.

import { attention } from "./attention.js";
import { Chart } from "./chart.js";
import { WEEK, capacityLine, change, silence, sum } from "./comparison.js";
import { h, panel } from "./elements.js";
import { groupTable } from "./group_table.js";
import { last } from "./legend.js";
import { ask, cacheStats, currentStats } from "./source.js";
import { serviceTable } from "./service_table.js";
import { linkTo } from "./state.js";
import { tile } from "./tiles.js";

const BUSIEST = 8; // delivery services

export function overview(page) {
  const tiles = h("div.tiles");
  const together = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "all CDNs, now and a week earlier"));
  const bandwidth = page.keep(new Chart("Bandwidth by CDN", "kbps", page.zoom));
  const connections = page.keep(new Chart("Connections by CDN", "count", page.zoom));
  const findings = h("div");
  const look = panel("Needs attention", findings);
  const services = h("div");
  const caches = h("div");
  const tables = [panel("Busiest delivery services", services), panel("Cache groups", caches)];
  const charts = h("div.charts", {}, together.element, look, bandwidth.element, connections.element, ...tables);
  page.main.append(tiles, charts);

  return async (span, signal) => {
    const current = await currentStats(signal);
    const stats = (metric, back) => Promise.all(current.map((row) => cacheStats(row.cdn, metric, span, signal, back)));
    const [kbps, clients, maxKbps, before, known, busiest] = await Promise.all([
      stats("bandwidth"),
      stats("connections"),
      stats("maxkbps"),
      stats("bandwidth", WEEK),
      ask("page/caches", {}, signal),
      ask("page/deliveryservices", {}, signal),
    ]);
    const state = page.state();
    if (current.length) {
      const total = {
        bandwidth: current.reduce((subtotal, row) => subtotal + (row.bandwidth ?? 0), 0),
        connections: current.reduce((subtotal, row) => subtotal + (row.connections ?? 0), 0),
        capacity: current.reduce((subtotal, row) => subtotal + (row.capacity ?? 0), 0) || null,
      };
      const overall = current.length > 1 ? [tile("All CDNs", total, change(sum(kbps), sum(before)), silence(sum(kbps), span))] : [];
      tiles.replaceChildren(
        ...overall,
        ...current.map((row, at) => tile(row.cdn, row, change(kbps[at], before[at]), silence(kbps[at], span), linkTo(state, "cdn", row.cdn))),
      );
    } else {
      tiles.replaceChildren(h("p.empty", {}, "No CDN has any points yet. See the Health view."));
    }
    const line = (values) => current.map((row, at) => ({ name: row.cdn, values: values[at], color: at, link: linkTo(state, "cdn", row.cdn) }));
    const all = sum(kbps);
    together.draw({
      times: span.times,
      lines: [
        { name: "now", values: all, color: 0, area: true },
        { name: "a week earlier", values: sum(before), color: 1, dashed: true },
        capacityLine(sum(maxKbps), all),
      ],
    });
    bandwidth.draw({ times: span.times, lines: line(kbps) });
    connections.draw({ times: span.times, lines: line(clients) });
    findings.replaceChildren(...attention(state, known.caches, busiest.deliveryservices, last(all)));
    services.replaceChildren(serviceTable(state, busiest.deliveryservices.slice(0, BUSIEST)));
    caches.replaceChildren(groupTable(state, known.caches));
  };
}
