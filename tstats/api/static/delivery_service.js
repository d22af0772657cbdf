// The delivery services that the user may see, or one of them.

import { Chart } from "./chart.js";
import { WEEK } from "./comparison.js";
import { h, panel } from "./elements.js";
import { last } from "./legend.js";
import { serviceTable, share } from "./service_table.js";
import { ask, deliveryServiceStats, lines } from "./source.js";
import { linkTo } from "./state.js";
import { fact } from "./tiles.js";
import { shown } from "./units.js";

const TYPING_PAUSE = 250; // ms after a key press until the search starts
const CLASSES = ["tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx"];

export function deliveryService(page, name) {
  return name ? detail(page, name) : list(page);
}

function list(page) {
  const field = h("input", { type: "search", id: "like", autocomplete: "off", spellcheck: "false", value: page.state().q });
  const results = h("div", { "aria-live": "polite" });
  const more = h("p.fine");
  let typing = 0;
  const fill = async (signal) => {
    const found = await ask("page/deliveryservices", { like: field.value.trim() }, signal);
    results.replaceChildren(serviceTable(page.state(), found.deliveryservices));
    more.textContent = found.more ? "There are more: search for part of the name." : "";
  };
  field.addEventListener("input", () => {
    page.note({ q: field.value });
    clearTimeout(typing);
    typing = setTimeout(page.reload, TYPING_PAUSE);
  });
  page.main.append(panel("Now, busiest first", h("div.search", {}, h("label", { for: "like" }, "Part of the xmlId"), field), results, more));
  return (_, signal) => fill(signal);
}

function detail(page, name) {
  const facts = h("dl.facts");
  const bandwidth = page.keep(new Chart("Bandwidth", "kbps", page.zoom, "now and a week earlier"));
  const groups = page.keep(new Chart("Bandwidth by cache group", "kbps", page.zoom));
  const transactions = page.keep(new Chart("Transactions by status", "rate", page.zoom));
  const errors = page.keep(new Chart("Errors", "rate", page.zoom, "4xx and 5xx only"));
  const charts = [bandwidth, groups, transactions, errors].map((chart) => chart.element);
  page.main.append(facts, h("div.charts", {}, ...charts));

  return async (span, signal) => {
    const stats = (metric, back) => deliveryServiceStats(name, metric, span, signal, back);
    const [kbps, before, byGroup, total, ...classes] = await Promise.all([
      stats("kbps"),
      stats("kbps", WEEK),
      lines("deliveryservice_kbps_by_group", name, span, signal),
      stats("tps_total"),
      ...CLASSES.map((metric) => stats(metric)),
    ]);
    const state = page.state();
    bandwidth.draw({
      times: span.times,
      lines: [
        { name: "now", values: kbps, color: 0, area: true },
        { name: "a week earlier", values: before, color: 1, dashed: true },
      ],
    });
    groups.draw({ times: span.times, lines: byGroup.lines.map((line, at) => ({ ...line, color: at, link: linkTo(state, "cachegroup", line.name) })) });
    const line = CLASSES.map((metric, at) => ({ name: metric.slice(-3), values: classes[at], color: [2, 0, 1, 3][at] }));
    transactions.draw({ times: span.times, lines: line });
    errors.draw({ times: span.times, lines: line.slice(2) });
    const [all, client, failed] = [last(total), last(classes[2]), last(classes[3])];
    const part = (value, warn, bad) => share(all >= 1 && value !== null ? value / all : null, warn, bad);
    facts.replaceChildren(
      fact(shown(last(kbps), "kbps"), "bandwidth"),
      fact(shown(all, "rate"), "transactions"),
      fact(part(client, 0.05, 0.2), "4xx"),
      fact(part(failed, 0.01, 0.05), "5xx"),
    );
  };
}
