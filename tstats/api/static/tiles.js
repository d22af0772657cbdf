// The last figures of a CDN or of something like it, large.

import { h, meter } from "./elements.js";
import { duration, percent, shown } from "./units.js";

/**
 * @param {string} name
 * @param {{bandwidth: ?number, capacity: ?number, connections: ?number}} now in Gbps and connections
 * @param {?number} change against a week before, as a share
 * @param {number} silent for how many seconds there have been no points: then the figures are old
 * @param {?string} link
 */
export function tile(name, now, change, silent, link = null) {
  const used = now.capacity ? (now.bandwidth ?? 0) / now.capacity : null;
  return h(
    "article.tile",
    {},
    h("h2", {}, link ? h("a", { href: link }, name) : name),
    h("p.figure", {}, shown(now.bandwidth, "gbps")),
    silent ? h("p", {}, h("strong.bad", {}, `No points for ${duration(silent)}: these figures are old`)) : null,
    change === null || silent ? null : h("p", {}, `${change >= 0 ? "▲" : "▼"} ${percent(Math.abs(change))} against a week before`),
    h("p", {}, `${shown(now.connections, "count")} connections`),
    used === null
      ? null
      : h("p.used", {}, meter(used, `Capacity of ${name} used`), ` ${percent(used)} of ${shown(now.capacity, "gbps")}`),
  );
}

/** A small figure with its name below. */
export function fact(figure, name) {
  return h("div.fact", {}, h("dd", {}, figure), h("dt", {}, name));
}
