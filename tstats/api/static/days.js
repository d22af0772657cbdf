// The daily summaries: the highest minute and the bytes served of each day, in UTC.

import { Chart } from "./chart.js";
import { h, panel, table } from "./elements.js";
import { ask } from "./source.js";
import { isoDay, shown } from "./units.js";

const DAY = 86400;
const CHOICES = { 30: "30 days", 90: "90 days", 365: "a year", 1095: "3 years" };

export function days(page) {
  const change = () => {
    page.note({ days: choice.value });
    page.reload();
  };
  const choice = h("select", { id: "days", onchange: change }, ...Object.entries(CHOICES).map(([value, text]) => h("option", { value }, text)));
  choice.value = page.state().days in CHOICES ? page.state().days : "90";
  const nothing = () => null; // there is nothing finer than a day to zoom to
  const highest = page.keep(new Chart("Highest minute of the day", "gbps", nothing));
  const served = page.keep(new Chart("Served in the day", "terabytes", nothing));
  const list = h("div");
  page.main.append(
    h("div.search", {}, h("label", { for: "days" }, "Look back"), choice),
    h("div.charts", {}, highest.element, served.element),
    panel("Day by day", list),
  );

  return async (_, signal) => {
    const found = (await ask("page/days", { days: choice.value }, signal)).days;
    const cdns = [...new Set(found.map((one) => one.cdn))].sort();
    const times = span(found);
    const line = (stat) =>
      cdns.map((cdn, at) => {
        const values = new Map(found.filter((one) => one.cdn === cdn).map((one) => [one.day, one[stat]]));
        return { name: cdn, colour: at, values: times.map((time) => values.get(time) ?? null) };
      });
    highest.draw({ times, lines: line("daily_maxgbps") });
    served.draw({ times, lines: line("daily_bytesserved") });
    const rows = found.map((one) => [isoDay(one.day), one.cdn, shown(one.daily_maxgbps, "gbps"), shown(one.daily_bytesserved, "terabytes")]);
    const columns = [{ name: "Day" }, { name: "CDN" }, { name: "Highest minute", number: true }, { name: "Served", number: true }];
    list.replaceChildren(table("Days", columns, rows, "No day has been summarized yet: tstats summarize does it, and tstats collect each night."));
  };
}

/** Every day from the first to the last one, so that a day without a summary is a gap. */
function span(found) {
  const times = [];
  if (!found.length) return times;
  for (let day = found.at(-1).day; day <= found[0].day; day += DAY) times.push(day);
  return times;
}
