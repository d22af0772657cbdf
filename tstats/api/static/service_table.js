// The table of delivery services.

import { errorShare } from "./attention.js";
import { h, table } from "./elements.js";
import { linkTo } from "./state.js";
import { percent, shown } from "./units.js";

/** A share of errors, highlighted if it is above one of two limits; null if it is unknown. */
export function share(value, warn, bad) {
  if (value === null) return "–";
  return value > bad ? h("strong.bad", {}, percent(value)) : value > warn ? h("strong.warn", {}, percent(value)) : percent(value);
}

/** Create a table of delivery services and their last values. */
export function serviceTable(state, services) {
  const rows = services.map((service) => [
    h("a", { href: linkTo(state, "deliveryservice", service.name) }, service.name),
    h("a", { href: linkTo(state, "cdn", service.cdn) }, service.cdn),
    shown(service.kbps, "kbps"),
    shown(service.tps, "rate"),
    share(service.tps >= 1 ? service.tps_4xx / service.tps : null, 0.05, 0.2),
    share(errorShare(service), 0.01, 0.05),
  ]);
  const columns = [{ name: "Delivery service" }, { name: "CDN" }, { name: "Bandwidth", number: true }, { name: "Transactions", number: true }, { name: "4xx", number: true }, { name: "5xx", number: true }];
  return table("Delivery services", columns, rows, "No matching delivery service that you may see has points in the last hour.");
}
