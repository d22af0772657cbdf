// The table of cache groups.

import { h, meter, table } from "./elements.js";
import { groups } from "./groups.js";
import { linkTo } from "./state.js";
import { percent, shown } from "./units.js";

/** A table of the cache groups of some caches. */
export function groupTable(state, caches) {
  const rows = groups(caches).map((one) => [
    h("a", { href: linkTo(state, "cachegroup", one.name) }, one.name),
    [...one.cdns].sort().join(", "),
    String(one.caches.length),
    shown(one.kbps, "kbps"),
    one.used === null ? "–" : h("span.used", {}, meter(one.used, `Lines of ${one.name} used`), ` ${percent(one.used)}`),
    shown(one.connections, "count"),
  ]);
  const columns = [{ name: "Cache group" }, { name: "CDN" }, { name: "Caches", number: true }, { name: "Bandwidth", number: true }, { name: "Lines used" }, { name: "Connections", number: true }];
  return table("Cache groups", columns, rows, "No cache gave points on the last day.");
}
