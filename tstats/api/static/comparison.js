// What a course is compared with: a week before, the capacity, others.

export const WEEK = 7 * 86400;
const SILENT = 5 * 60; // seconds: a minute is rolled up after its end
const USABLE = 0.85; // the part of the lines that Traffic Ops calls the capacity

/** The sum of values, each at its time; null where none has one. */
export function sum(every) {
  const [first = []] = every;
  return first.map((_, at) => {
    const there = every.map((values) => values[at]).filter((value) => value !== null);
    return there.length ? there.reduce((one, other) => one + other, 0) : null;
  });
}

/** A line of the capacity: off at first where it would press the traffic down to the ground. */
export function capacityLine(values, traffic) {
  const capacity = values.map((value) => (value === null ? null : value * USABLE));
  const [peak, least] = [Math.max(0, ...traffic), Math.min(...capacity.filter((value) => value !== null))];
  return { name: "capacity", values: capacity, faint: true, dashed: true, off: peak < least * 0.4 };
}

/** For how many seconds there has been no value, at the end of a range that ends now; 0 where that is usual. */
export function silence(values, span) {
  let at = values.length - 1;
  while (at >= 0 && values[at] === null) at -= 1;
  const since = span.end - (at < 0 ? span.start : Math.min(span.times[at] + span.interval, span.end));
  return span.fixed || since < SILENT ? 0 : since;
}

/** How much the newest value is above (below 0: under) what it was a week before; null where that is not known. */
export function change(values, before) {
  for (let at = values.length - 1; at >= 0; at -= 1) {
    if (values[at] !== null && before[at]) return values[at] / before[at] - 1;
  }
  return null;
}
