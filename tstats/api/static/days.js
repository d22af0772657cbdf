// The daily summaries: the highest minute and the bytes served on each day, in UTC.

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
  const noZoom = () => null; // there is nothing finer than a day
  const highest = page.keep(new Chart("Highest minute of the day", "gbps", noZoom));
  const served = page.keep(new Chart("Bytes served per day", "terabytes", noZoom));
  const list = h("div");
  page.main.append(
    h("div.search", {}, h("label", { for: "days" }, "Look back"), choice),
    h("div.charts", {}, highest.element, served.element),
    panel("Day by day", list),
  );

  return async (_, signal) => {
    const found = (await ask("page/days", { days: choice.value }, signal)).days;
    const cdns = [...new Set(found.map((row) => row.cdn))].sort();
    const times = span(found);
    const line = (stat) =>
      cdns.map((cdn, at) => {
        const values = new Map(found.filter((row) => row.cdn === cdn).map((row) => [row.day, row[stat]]));
        return { name: cdn, color: at, values: times.map((time) => values.get(time) ?? null) };
      });
    highest.draw({ times, lines: line("daily_maxgbps") });
    served.draw({ times, lines: line("daily_bytesserved") });
    const rows = found.map((row) => [isoDay(row.day), row.cdn, shown(row.daily_maxgbps, "gbps"), shown(row.daily_bytesserved, "terabytes")]);
    const columns = [{ name: "Day" }, { name: "CDN" }, { name: "Highest minute", number: true }, { name: "Bytes served", number: true }];
    list.replaceChildren(table("Days", columns, rows, "No day has been summarized yet. tstats collect does that every night, and tstats summarize at any time."));
  };
}

/** Every day from the first to the last, so that a day without a summary is a gap. */
function span(found) {
  const times = [];
  if (!found.length) return times;
  for (let day = found.at(-1).day; day <= found[0].day; day += DAY) times.push(day);
  return times;
}
