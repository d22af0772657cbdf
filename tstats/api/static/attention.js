// What needs attention: caches that report no points, cache groups that are full, delivery services with errors.

import { h } from "./elements.js";
import { groups } from "./groups.js";
import { linkTo } from "./state.js";
import { duration, percent } from "./units.js";

const SILENT = 5 * 60; // seconds
const FULL = 0.85;
const ERRORS = 0.01;
const BUSY = 1; // transactions per second; with fewer, the share of errors means little
const MAX_ITEMS = 6;

/** Whether a cache has stopped reporting points. */
export function isSilent(cache, now = Date.now() / 1000) {
  return now - cache.time > SILENT;
}

/** The share of transactions that ended with 5xx; null if there are too few. */
export function errorShare(service) {
  return service.tps >= BUSY ? service.tps_5xx / service.tps : null;
}

function entries(list, heading, item) {
  if (!list.length) return [];
  const more = list.length > MAX_ITEMS ? [h("li", {}, `and ${list.length - MAX_ITEMS} more`)] : [];
  return [h("h3", {}, heading), h("ul.look", {}, ...list.slice(0, MAX_ITEMS).map(item), ...more)];
}

/** The content of the panel. */
export function attention(state, caches, services, last) {
  if (last === null && !caches.length) return [h("p.empty", {}, "No points in this range.")];
  const silent = caches.filter((cache) => isSilent(cache)).sort((a, b) => b.time - a.time);
  const full = groups(caches).filter((group) => group.used > FULL);
  const failing = services.filter((service) => errorShare(service) > ERRORS).sort((a, b) => errorShare(b) - errorShare(a));
  const now = Date.now() / 1000;
  const found = [
    ...entries(silent, `${silent.length} of ${caches.length} caches report no points`, (cache) =>
      h("li", {}, h("a", { href: linkTo(state, "server", cache.hostname) }, cache.hostname), ` for ${duration(now - cache.time)} (${cache.cachegroup})`),
    ),
    ...entries(full, "Cache groups above 85 % of their maximum bandwidth", (group) =>
      h("li", {}, h("a", { href: linkTo(state, "cachegroup", group.name) }, group.name), ` ${percent(group.used)}`),
    ),
    ...entries(failing, "Delivery services with more than 1 % of 5xx", (service) =>
      h("li", {}, h("a", { href: linkTo(state, "deliveryservice", service.name) }, service.name), ` ${percent(errorShare(service))}`),
    ),
  ];
  return found.length ? found : [h("p.good", {}, `Nothing: all ${caches.length} caches report points, no cache group is above 85 % of its maximum bandwidth, and none of the busiest delivery services has more than 1 % of 5xx.`)];
}
