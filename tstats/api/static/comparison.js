// What a line is compared with: a week earlier, the capacity, other lines.

export const WEEK = 7 * 86400;
const SILENT = 5 * 60; // seconds: a minute is rolled up after its end
const USABLE = 0.85; // the share of the maximum bandwidth that Traffic Ops calls the capacity

/** The sum of several lines at each time; null where none of them has a value. */
export function sum(lines) {
  const [first = []] = lines;
  return first.map((_, at) => {
    const known = lines.map((values) => values[at]).filter((value) => value !== null);
    return known.length ? known.reduce((total, value) => total + value, 0) : null;
  });
}

/** The line of the capacity; off at first if it would flatten the traffic. */
export function capacityLine(values, traffic) {
  const capacity = values.map((value) => (value === null ? null : value * USABLE));
  const [peak, least] = [Math.max(0, ...traffic), Math.min(...capacity.filter((value) => value !== null))];
  return { name: "capacity", values: capacity, faint: true, dashed: true, off: peak < least * 0.4 };
}

/** The seconds without a value at the end of a range that ends now; 0 if that is normal. */
export function silence(values, span) {
  let at = values.length - 1;
  while (at >= 0 && values[at] === null) at -= 1;
  const since = span.end - (at < 0 ? span.start : Math.min(span.times[at] + span.interval, span.end));
  return span.fixed || since < SILENT ? 0 : since;
}

/** The relative change of the newest value from a week earlier; null if it is unknown. */
export function change(values, before) {
  for (let at = values.length - 1; at >= 0; at -= 1) {
    if (values[at] !== null && before[at]) return values[at] / before[at] - 1;
  }
  return null;
}
