// Where the figures come from: the API, and what the page asks beside it.

import { headers } from "./session.js";

/** An answer that is none; `status` 0: the server cannot be reached. */
export class AnswerError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** The JSON that a path below this page answers with. */
export async function ask(path, parameters, signal, accept = "application/json") {
  const query = new URLSearchParams(parameters);
  const address = query.size ? `${path}?${query}` : path;
  let response;
  try {
    response = await fetch(address, { headers: { ...headers(), Accept: accept }, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AnswerError(0, "The server of this page does not answer.");
  }
  if (response.ok) return response.json();
  const body = await response.json().catch(() => null);
  throw new AnswerError(response.status, body?.alerts?.[0]?.text ?? `The server answered ${response.status}.`);
}

/** The last values of each CDN that has any, and their sum. */
export async function currentStats(signal) {
  const { response } = await ask("api/5.0/current_stats", {}, signal);
  const every = response.currentStats.filter((one) => one.cdn !== "total");
  return every.filter((one) => one.bandwidth !== null || one.connections !== null);
}

/** The values of a metric of a CDN at the span's times; `back` seconds earlier. */
export function cacheStats(cdn, metric, span, signal, back = 0) {
  return statistics("api/5.0/cache_stats", { cdnName: cdn, metricType: metric }, span, signal, back);
}

/** The values of a metric of a delivery service at the span's times; `back` seconds earlier. */
export function deliveryServiceStats(name, metric, span, signal, back = 0) {
  return statistics("api/5.0/deliveryservice_stats", { deliveryServiceName: name, metricType: metric }, span, signal, back);
}

/** The lines of one of the page's own charts: {lines: [{name, values}], found}. */
export function lines(chart, of, span, signal) {
  const range = { start: iso(span.times[0]), end: iso(span.end), interval: span.literal };
  return ask("page/lines", { chart, of, ...range }, signal);
}

async function statistics(path, parameters, span, signal, back) {
  // Intervals begin at startDate, which is itself outside for cache_stats: so from one interval before.
  const range = {
    startDate: iso(span.times[0] - span.interval - back),
    endDate: iso(span.end - back),
    interval: span.literal,
    exclude: "summary",
  };
  const accept = "application/json;timestamp=unix";
  const { response } = await ask(path, { ...parameters, ...range }, signal, accept);
  const found = new Map((response.series?.values ?? []).map(([time, value]) => [Math.round(time / 1e9) + back, value]));
  return span.times.map((time) => found.get(time) ?? null);
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();
