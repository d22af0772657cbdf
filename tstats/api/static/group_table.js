// The table of cache groups.

import { h, meter, table } from "./elements.js";
import { groups } from "./groups.js";
import { linkTo } from "./state.js";
import { percent, shown } from "./units.js";

/** Create a table of the groups of these caches. */
export function groupTable(state, caches) {
  const rows = groups(caches).map((group) => [
    h("a", { href: linkTo(state, "cachegroup", group.name) }, group.name),
    [...group.cdns].sort().join(", "),
    String(group.caches.length),
    shown(group.kbps, "kbps"),
    group.used === null ? "–" : h("span.used", {}, meter(group.used, `Bandwidth used by ${group.name}`), ` ${percent(group.used)}`),
    shown(group.connections, "count"),
  ]);
  const columns = [{ name: "Cache group" }, { name: "CDN" }, { name: "Caches", number: true }, { name: "Bandwidth", number: true }, { name: "Of maximum" }, { name: "Connections", number: true }];
  return table("Cache groups", columns, rows, "No cache has reported points in the last 24 hours.");
}
