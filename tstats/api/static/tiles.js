// The last values of a CDN, in large type.

import { h, meter } from "./elements.js";
import { duration, percent, shown } from "./units.js";

/**
 * @param {string} name
 * @param {{bandwidth: ?number, capacity: ?number, connections: ?number}} now in Gbps and connections
 * @param {?number} change relative to a week earlier
 * @param {number} silent the seconds without points, if the values are out of date
 * @param {?string} link
 */
export function tile(name, now, change, silent, link = null) {
  const used = now.capacity ? (now.bandwidth ?? 0) / now.capacity : null;
  return h(
    "article.tile",
    {},
    h("h2", {}, link ? h("a", { href: link }, name) : name),
    h("p.figure", {}, shown(now.bandwidth, "gbps")),
    silent ? h("p", {}, h("strong.bad", {}, `No points for ${duration(silent)}: these values are out of date`)) : null,
    change === null || silent ? null : h("p", {}, `${change >= 0 ? "▲" : "▼"} ${percent(Math.abs(change))} from a week earlier`),
    h("p", {}, `${shown(now.connections, "count")} connections`),
    used === null
      ? null
      : h("p.used", {}, meter(used, `Capacity of ${name} used`), ` ${percent(used)} of ${shown(now.capacity, "gbps")}`),
  );
}

/** Create a small value with its name below. */
export function fact(value, name) {
  return h("div.fact", {}, h("dd", {}, value), h("dt", {}, name));
}
