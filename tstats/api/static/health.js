// How tstats itself is: points that come, rollups without holes, servers that answer.

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
    h("p.fine", {}, "This is a quick look. On the machine of the collector, ", h("code", {}, "tstats doctor"), " looks at everything."),
  );

  return async (_, signal) => {
    const found = await ask("page/health", {}, signal);
    const ages = found.newest.map((one) => ({ ...one, age: found.now - one.newest, most: DAILY.test(one.measurement) ? DAY_LATE : LATE }));
    const holes = found.rollups.map((one) => ({ ...one, missing: one.expected - one.minutes }));
    verdict.replaceChildren(...verdicts(found, ages, holes));
    facts.replaceChildren(
      fact(`${found.servers.filter((one) => one.answers).length} of ${found.servers.length}`, "InfluxDBs answer"),
      fact(found.version, "version of tstats"),
      fact(found.apiVersions.join(", "), "versions of the API"),
      fact({ trafficOps: "Traffic Ops", tokens: "tokens", none: "nobody is asked" }[found.auth], "sessions"),
    );
    const late = (one) => (one.age > one.most ? h("strong.bad", {}, `${duration(one.age)} ago`) : `${duration(one.age)} ago`);
    newest.replaceChildren(
      table(
        "Newest points",
        [{ name: "Measurement" }, { name: "Database" }, { name: "Newest point", number: true }],
        ages.sort((one, other) => other.age / other.most - one.age / one.most).map((one) => [one.measurement, `${one.database}.${one.policy}`, late(one)]),
        "There are no points.",
      ),
    );
    rollups.replaceChildren(
      table(
        "Rollups",
        [{ name: "Rollup" }, { name: "Minutes with points", number: true }],
        holes.sort((one, other) => other.missing - one.missing).map((one) => [one.name, h(one.missing ? "strong.warn" : "span", {}, `${one.minutes} of ${one.expected}`)]),
        "The rollups cannot be read.",
      ),
    );
  };
}

function verdicts(found, ages, holes) {
  const raw = ages.filter((one) => !DAILY.test(one.measurement));
  const youngest = Math.min(...raw.map((one) => one.age));
  const problems = [
    ...found.servers.filter((one) => !one.answers).map((one) => `${one.name} does not answer.`),
    ...found.problems.map((text) => `${text}.`),
    ...(raw.length ? [] : ["No points came on the last day: is tstats collect running?"]),
    ...(raw.length && youngest > LATE ? [`No points came for ${duration(youngest)}: is tstats collect running?`] : []),
  ];
  const missing = holes.filter((one) => one.missing);
  if (missing.length && !problems.length) {
    problems.push(`${missing.length} rollups have minutes without points: where the raw points are there, tstats rollup repair computes them.`);
  }
  if (problems.length) return problems.map((text) => h("p.problem", {}, text));
  return [h("p.good", {}, `Points come (the newest is ${duration(youngest)} old), no minute is missing in the rollups, and every InfluxDB answers.`)];
}
