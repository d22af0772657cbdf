// Values as people read them.

const PREFIXES = ["", "k", "M", "G", "T", "P"];

function scaled(value) {
  let size = Math.abs(value);
  let step = 0;
  while (size >= 999.5 && step < PREFIXES.length - 1) {
    size /= 1000;
    step += 1;
  }
  const shown = size >= 99.95 || size === 0 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return [(value < 0 ? "−" : "") + (shown.includes(".") ? shown.replace(/\.?0+$/, "") : shown), PREFIXES[step]];
}

function withUnit(value, unit) {
  const [number, prefix] = scaled(value);
  return `${number} ${prefix}${unit}`.trimEnd();
}

/** How to format a value of each unit. */
export const UNITS = {
  kbps: (value) => withUnit(value * 1000, "bps"),
  count: (value) => (Math.abs(value) < 10 ? String(Math.round(value * 10) / 10) : withUnit(value, "")),
  rate: (value) => withUnit(value, "/s"),
  gbps: (value) => withUnit(value * 1e9, "bps"),
  terabytes: (value) => withUnit(value * 1e12, "B"),
};

export function shown(value, unit) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : UNITS[unit](value);
}

export function percent(share) {
  return share === null || !Number.isFinite(share) ? "–" : `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** An age or a length in seconds. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const pad = (number) => String(number).padStart(2, "0");
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time in seconds since the epoch as 14:05, in UTC. */
export function clock(seconds) {
  const date = new Date(seconds * 1000);
  return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
}

/** A time as 21 Nov, in UTC. */
export function day(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** A time as 2026-11-21, in UTC. */
export function isoDay(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
