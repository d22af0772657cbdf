// The health of tstats itself: arriving points, rollups without gaps, servers that answer.

import { h, panel, table } from "./elements.js";
import { ask } from "./source.js";
import { fact } from "./tiles.js";
import { duration } from "./units.js";

const LATE = 5 * 60; // seconds
const DAY_LATE = 2 * 86400 + 3600; // a day is summarized after its end
const DAILY = /^(daily_|max\.kbps\.ds\.1day)/;

export function health(page) {
  const facts = h("dl.facts");
  const verdict = h("div");
  const rollups = h("div");
  const newest = h("div");
  page.main.append(
    verdict,
    facts,
    h("div.charts", {}, panel("Newest points", newest), panel("Rollups of the last 6 hours", rollups)),
    h("p.fine", {}, "This is a quick check. On the collector's machine, ", h("code", {}, "tstats doctor"), " checks everything."),
  );

  return async (_, signal) => {
    const found = await ask("page/health", {}, signal);
    const ages = found.newest.map((point) => ({ ...point, age: found.now - point.newest, limit: DAILY.test(point.measurement) ? DAY_LATE : LATE }));
    const rows = found.rollups.map((rollup) => ({ ...rollup, missing: rollup.expected - rollup.minutes }));
    verdict.replaceChildren(...verdicts(found, ages, rows));
    facts.replaceChildren(
      fact(`${found.servers.filter((server) => server.answers).length} of ${found.servers.length}`, "InfluxDBs answer"),
      fact(found.version, "version of tstats"),
      fact(found.apiVersions.join(", "), "versions of the API"),
      fact({ trafficOps: "Traffic Ops", tokens: "tokens", none: "none" }[found.auth], "authentication"),
    );
    const age = (point) => (point.age > point.limit ? h("strong.bad", {}, `${duration(point.age)} ago`) : `${duration(point.age)} ago`);
    newest.replaceChildren(
      table(
        "Newest points",
        [{ name: "Measurement" }, { name: "Database" }, { name: "Newest point", number: true }],
        ages.sort((a, b) => b.age / b.limit - a.age / a.limit).map((point) => [point.measurement, `${point.database}.${point.policy}`, age(point)]),
        "There are no points.",
      ),
    );
    rollups.replaceChildren(
      table(
        "Rollups",
        [{ name: "Rollup" }, { name: "Minutes with points", number: true }],
        rows.sort((a, b) => b.missing - a.missing).map((rollup) => [rollup.name, h(rollup.missing ? "strong.warn" : "span", {}, `${rollup.minutes} of ${rollup.expected}`)]),
        "The rollups cannot be read.",
      ),
    );
  };
}

function verdicts(found, ages, rollups) {
  const raw = ages.filter((point) => !DAILY.test(point.measurement));
  const youngest = Math.min(...raw.map((point) => point.age));
  const problems = [
    ...found.servers.filter((server) => !server.answers).map((server) => `${server.name} does not answer.`),
    ...found.problems.map((text) => `${text}.`),
    ...(raw.length ? [] : ["No points have arrived in the last 24 hours. Is tstats collect running?"]),
    ...(raw.length && youngest > LATE ? [`No points have arrived for ${duration(youngest)}. Is tstats collect running?`] : []),
  ];
  const missing = rollups.filter((rollup) => rollup.missing);
  if (missing.length && !problems.length) {
    problems.push(`${missing.length} rollups have minutes without points. Where raw points exist, tstats rollup repair computes them.`);
  }
  if (problems.length) return problems.map((text) => h("p.problem", {}, text));
  return [h("p.good", {}, `Points are arriving (the newest is ${duration(youngest)} old), the rollups have no gaps, and every InfluxDB answers.`)];
}
