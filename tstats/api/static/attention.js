// What needs a look: caches that give no points, cache groups that are full, delivery services with errors.

import { h } from "./elements.js";
import { groups } from "./groups.js";
import { linkTo } from "./state.js";
import { duration, percent } from "./units.js";

const SILENT = 5 * 60; // seconds
const FULL = 0.85;
const ERRORS = 0.01;
const BUSY = 1; // transactions a second: a share of fewer says nothing
const MOST = 6;

/** Whether a cache gives points no more. */
export function isSilent(cache, now = Date.now() / 1000) {
  return now - cache.time > SILENT;
}

/** The part of the transactions that ended with 5xx; null where there are too few. */
export function errorShare(service) {
  return service.tps >= BUSY ? service.tps_5xx / service.tps : null;
}

function entries(list, words, item) {
  if (!list.length) return [];
  const more = list.length > MOST ? [h("li", {}, `and ${list.length - MOST} more`)] : [];
  return [h("h3", {}, words), h("ul.look", {}, ...list.slice(0, MOST).map(item), ...more)];
}

/** The elements of the panel. */
export function attention(state, caches, services, anything) {
  if (anything === null && !caches.length) return [h("p.empty", {}, "No points in this range.")];
  const silent = caches.filter((one) => isSilent(one)).sort((one, other) => other.time - one.time);
  const full = groups(caches).filter((one) => one.used > FULL);
  const failing = services.filter((one) => errorShare(one) > ERRORS).sort((one, other) => errorShare(other) - errorShare(one));
  const now = Date.now() / 1000;
  const found = [
    ...entries(silent, `${silent.length} of ${caches.length} caches give no points`, (one) =>
      h("li", {}, h("a", { href: linkTo(state, "server", one.hostname) }, one.hostname), ` for ${duration(now - one.time)} (${one.cachegroup})`),
    ),
    ...entries(full, "Cache groups above 85 % of their lines", (one) =>
      h("li", {}, h("a", { href: linkTo(state, "cachegroup", one.name) }, one.name), ` ${percent(one.used)}`),
    ),
    ...entries(failing, "Delivery services above 1 % of 5xx", (one) =>
      h("li", {}, h("a", { href: linkTo(state, "deliveryservice", one.name) }, one.name), ` ${percent(errorShare(one))}`),
    ),
  ];
  return found.length ? found : [h("p.good", {}, `Nothing: all ${caches.length} caches give points, no cache group is above 85 % of its lines, and none of the busiest delivery services above 1 % of 5xx.`)];
}
