// Numbers as people read them, always with their unit.

const PREFIXES = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];

/** A quantity with a prefix: 0.05, "V" is 50 mV; nothing for what is not known. */
export function quantity(value, unit, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return `no current`;
  if (value === 0) return `0 ${unit}`;
  const [factor, prefix] = PREFIXES.find(([size]) => Math.abs(value) >= size) ?? PREFIXES.at(-1);
  return `${Number((value / factor).toPrecision(digits))} ${prefix}${unit}`;
}

/** A fraction 0..1 in per cent. */
export const percent = (value) => (value === null || value === undefined ? "" : `${(100 * value).toFixed(2)} %`);

/** Seconds on the bench's clock as hh:mm:ss, rounded as the terminal does: half a second goes to the even one. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const low = Math.floor(seconds);
  const whole = seconds - low === 0.5 ? low + (low % 2) : Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** About so long, for an estimate. */
export function about(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A moment of the wall's clock, here. */
export const moment = (iso) => (iso ? new Date(iso).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }) : "");

/** A count with thin spaces between thousands. */
export const count = (value) => String(value ?? 0).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");
