// The state of the page, as its address holds it: anything it shows can be shared as a link.

export const RANGES = { "1h": 3600, "6h": 6 * 3600, "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400 };
const DEFAULTS = { view: "cdn", name: "", range: "6h", interval: "", refresh: "60", from: "", to: "", q: "", days: "90" };
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 1440]; // minutes
const MAX_VALUES = 360; // per line, if the user has not chosen an interval
const MAX_VALUES_CHOSEN = 1440;
const SHORTEST = 300;
const LONGEST = RANGES["30d"];
const MINUTE = 60;

/** The state in an address; whatever is missing or invalid is the default. */
export function read(search) {
  const given = new URLSearchParams(search);
  const state = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS)) if (given.get(key)) state[key] = given.get(key);
  if (!(state.range in RANGES)) state.range = DEFAULTS.range;
  if (!/^(|[1-9]\d{0,3}[mhd])$/.test(state.interval)) state.interval = "";
  if (!/^\d{1,4}$/.test(state.refresh)) state.refresh = DEFAULTS.refresh;
  const [from, to] = [seconds(state.from), seconds(state.to)];
  if (!(from < to)) state.from = state.to = "";
  return state;
}

/** The address of a state, without defaults. */
export function address(state) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(DEFAULTS)) if (state[key] !== value) query.set(key, state[key]);
  return `?${query}`;
}

/** The address of a view of something, in the range of this state. */
export function linkTo(state, view, name) {
  return address({ ...state, view, name, q: "" });
}

/** The state with the range between two moments, in seconds, limited to a sensible length. */
export function between(state, from, to) {
  const length = Math.min(Math.max(to - from, SHORTEST), LONGEST);
  const middle = (from + to) / 2;
  const start = Math.floor((middle - length / 2) / MINUTE) * MINUTE;
  return { ...state, from: stamp(start), to: stamp(start + Math.ceil(length / MINUTE) * MINUTE), interval: "" };
}

/**
 * The range [start, end) and the interval, in seconds, and the times of the values. Times are multiples of the
 * interval, so that they are the same in every chart.
 */
export function span(state, now) {
  const fixed = Boolean(state.from);
  const end = fixed ? seconds(state.to) : Math.floor(now / MINUTE) * MINUTE;
  const start = fixed ? seconds(state.from) : end - RANGES[state.range];
  const minutes = (end - start) / MINUTE;
  const asked = state.interval ? length(state.interval) / MINUTE : 0;
  const step =
    asked && minutes / asked <= MAX_VALUES_CHOSEN ? asked : (STEPS.find((length) => minutes / length <= MAX_VALUES) ?? 1440);
  const interval = step * MINUTE;
  const times = [];
  for (let time = Math.floor(start / interval) * interval; time < end; time += interval) times.push(time);
  return { start, end, interval, literal: literal(step), times, fixed };
}

function literal(minutes) {
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

function length(text) {
  return parseInt(text, 10) * { m: 60, h: 3600, d: 86400 }[text.at(-1)];
}

function seconds(text) {
  return text ? Date.parse(text) / 1000 : NaN;
}

function stamp(moment) {
  return new Date(moment * 1000).toISOString().replace(":00.000Z", "Z");
}
