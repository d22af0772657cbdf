// All CDNs: what there is now, what needs a look, and the course of it.

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
  const together = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "of all CDNs, and a week before"));
  const bandwidth = page.keep(new Chart("Bandwidth by CDN", "kbps", page.zoom));
  const connections = page.keep(new Chart("Connections by CDN", "count", page.zoom));
  const look = panel("Needs a look");
  const found = h("div");
  look.append(found);
  const services = h("div");
  const caches = h("div");
  const tables = [panel("Busiest delivery services", services), panel("Cache groups", caches)];
  const charts = h("div.charts", {}, together.element, look, bandwidth.element, connections.element, ...tables);
  page.main.append(tiles, charts);

  return async (span, signal) => {
    const current = await currentStats(signal);
    const of = (metric, back) => Promise.all(current.map((one) => cacheStats(one.cdn, metric, span, signal, back)));
    const [kbps, clients, lines, before, known, busiest] = await Promise.all([
      of("bandwidth"),
      of("connections"),
      of("maxkbps"),
      of("bandwidth", WEEK),
      ask("page/caches", {}, signal),
      ask("page/deliveryservices", {}, signal),
    ]);
    const state = page.state();
    if (current.length) {
      const total = {
        bandwidth: current.reduce((all, one) => all + (one.bandwidth ?? 0), 0),
        connections: current.reduce((all, one) => all + (one.connections ?? 0), 0),
        capacity: current.reduce((all, one) => all + (one.capacity ?? 0), 0) || null,
      };
      const every = current.length > 1 ? [tile("All CDNs", total, change(sum(kbps), sum(before)), silence(sum(kbps), span))] : [];
      tiles.replaceChildren(
        ...every,
        ...current.map((one, at) => tile(one.cdn, one, change(kbps[at], before[at]), silence(kbps[at], span), linkTo(state, "cdn", one.cdn))),
      );
    } else {
      tiles.replaceChildren(h("p.empty", {}, "No CDN has any points yet. The view Health says what is there."));
    }
    const line = (values) => current.map((one, at) => ({ name: one.cdn, values: values[at], colour: at, link: linkTo(state, "cdn", one.cdn) }));
    const all = sum(kbps);
    together.draw({
      times: span.times,
      lines: [
        { name: "now", values: all, colour: 0, area: true },
        { name: "a week before", values: sum(before), colour: 1, dashed: true },
        capacityLine(sum(lines), all),
      ],
    });
    bandwidth.draw({ times: span.times, lines: line(kbps) });
    connections.draw({ times: span.times, lines: line(clients) });
    found.replaceChildren(...attention(state, known.caches, busiest.deliveryservices, last(all)));
    services.replaceChildren(serviceTable(state, busiest.deliveryservices.slice(0, BUSIEST)));
    caches.replaceChildren(groupTable(state, known.caches));
  };
}
