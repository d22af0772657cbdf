// The data: from the API, and from routes that only the page uses.

import { headers } from "./session.js";

/** An error response; `status` is 0 if the server cannot be reached. */
export class ResponseError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Request a path below this page, and return its JSON. */
export async function ask(path, parameters, signal, accept = "application/json") {
  const query = new URLSearchParams(parameters);
  const address = query.size ? `${path}?${query}` : path;
  let response;
  try {
    response = await fetch(address, { headers: { ...headers(), Accept: accept }, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ResponseError(0, "The server does not answer.");
  }
  if (response.ok) return response.json();
  const body = await response.json().catch(() => null);
  throw new ResponseError(response.status, body?.alerts?.[0]?.text ?? `The server responded with status ${response.status}.`);
}

/** The last values of each CDN that has any. */
export async function currentStats(signal) {
  const { response } = await ask("api/5.0/current_stats", {}, signal);
  const cdns = response.currentStats.filter((row) => row.cdn !== "total");
  return cdns.filter((row) => row.bandwidth !== null || row.connections !== null);
}

/** The values of a CDN's metric at the times of the span, or `back` seconds earlier. */
export function cacheStats(cdn, metric, span, signal, back = 0) {
  return statistics("api/5.0/cache_stats", { cdnName: cdn, metricType: metric }, span, signal, back);
}

/** The values of a delivery service's metric at the times of the span, or `back` seconds earlier. */
export function deliveryServiceStats(name, metric, span, signal, back = 0) {
  return statistics("api/5.0/deliveryservice_stats", { deliveryServiceName: name, metricType: metric }, span, signal, back);
}

/** The lines of one of the page's own charts: {lines: [{name, values}], found}. */
export function lines(chart, of, span, signal) {
  const range = { start: iso(span.times[0]), end: iso(span.end), interval: span.literal };
  return ask("page/lines", { chart, of, ...range }, signal);
}

async function statistics(path, parameters, span, signal, back) {
  // Intervals begin at startDate, which cache_stats excludes: so start one interval earlier.
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
