// The cache groups, or one of them with its servers.

import { isSilent } from "./attention.js";
import { Chart } from "./chart.js";
import { h, meter, panel } from "./elements.js";
import { groupTable } from "./group_table.js";
import { groups } from "./groups.js";
import { serverTable } from "./server.js";
import { ask, lines } from "./source.js";
import { linkTo } from "./state.js";
import { fact } from "./tiles.js";
import { percent, shown } from "./units.js";

export function cacheGroup(page, name) {
  return name ? detail(page, name) : list(page);
}

function list(page) {
  const results = h("div");
  page.main.append(panel("Now, fullest first", results));
  return async (_, signal) => {
    const { caches } = await ask("page/caches", {}, signal);
    results.replaceChildren(groupTable(page.state(), caches));
  };
}

function detail(page, name) {
  const facts = h("dl.facts");
  const bandwidth = page.keep(new Chart("Bandwidth by server", "kbps", page.zoom));
  const connections = page.keep(new Chart("Connections by server", "count", page.zoom));
  const more = h("p.fine");
  const servers = h("div");
  page.main.append(facts, h("div.charts", {}, bandwidth.element, connections.element), more, panel("Servers", servers));

  return async (span, signal) => {
    const [kbps, clients, { caches }] = await Promise.all([
      lines("cachegroup_bandwidth", name, span, signal),
      lines("cachegroup_connections", name, span, signal),
      ask("page/caches", {}, signal),
    ]);
    const state = page.state();
    const here = caches.filter((cache) => cache.cachegroup === name);
    const [group] = groups(here);
    // A server has the same color in both charts.
    const names = [...new Set([...kbps.lines, ...clients.lines].map((line) => line.name))].sort();
    const drawn = (found) => found.lines.map((line) => ({ ...line, color: names.indexOf(line.name), link: linkTo(state, "server", line.name) }));
    bandwidth.draw({ times: span.times, lines: drawn(kbps) });
    connections.draw({ times: span.times, lines: drawn(clients) });
    more.textContent = kbps.found > kbps.lines.length ? `The charts show the ${kbps.lines.length} busiest of ${kbps.found} servers.` : "";
    facts.replaceChildren(...(group ? summary(group) : []));
    servers.replaceChildren(serverTable(state, here));
  };
}

function summary(group) {
  const silent = group.caches.filter((cache) => isSilent(cache)).length;
  return [
    fact(shown(group.kbps, "kbps"), "bandwidth now"),
    fact(h("span.used", {}, group.used === null ? "" : meter(group.used, "Bandwidth used"), ` ${percent(group.used)}`), `of ${shown(group.capacity, "kbps")} used`),
    fact(shown(group.connections, "count"), "connections"),
    fact(`${group.caches.length - silent} of ${group.caches.length}`, "caches report points"),
  ];
}
