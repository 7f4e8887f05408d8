import { DURATION_EXAMPLES, parseDuration } from "./durations.ts";
import { nearest } from "./problem.ts";
import { type Shape, value } from "./shape.ts";

const numberOf = (given: unknown): number | undefined => {
  if (typeof given === "number") return Number.isFinite(given) ? given : undefined;
  // An environment variable is always text.
  return typeof given === "string" && /^-?\d+(\.\d+)?$/.test(given.trim()) ? Number(given) : undefined;
};

export const text = (accepted = "text") =>
  value(accepted, (given) => {
    if (typeof given === "string") return given.trim() === "" ? undefined : given;
    return typeof given === "number" ? String(given) : undefined;
  });

export const flag = () =>
  value("true or false", (given) =>
    given === true || given === "true" ? true : given === false || given === "false" ? false : undefined,
  );

export function oneOf<const T extends string>(names: readonly T[]): Shape<T> {
  return {
    read: (given, path, problems) => {
      const match = names.find((name) => name === given);
      if (match !== undefined) return match;
      const near = typeof given === "string" ? nearest(given, names) : null;
      const question = near === null ? "" : `; did you mean ${near}?`;
      problems.push({ path, message: `must be one of ${names.join(", ")}${question}`, at: "value" });
      return undefined;
    },
  };
}

export const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  value(
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
    (given) => {
      const number = numberOf(given);
      return number !== undefined && Number.isInteger(number) && number >= min && number <= max ? number : undefined;
    },
  );

/** `auto` is null. */
export const wholeNumberOrAuto = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  value(
    `auto, or a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`}`,
    (given) => {
      if (given === "auto") return null;
      const number = numberOf(given);
      return number !== undefined && Number.isInteger(number) && number >= min && number <= max ? number : undefined;
    },
  );

export const part = (accepted: string, above: boolean, below: boolean) =>
  value(accepted, (given) => {
    const number = numberOf(given);
    if (number === undefined || number < 0 || number > 1) return undefined;
    return (above && number === 0) || (below && number === 1) ? undefined : number;
  });

export const duration = (minMs = 0) =>
  value(minMs > 0 ? `${DURATION_EXAMPLES}, longer than nothing` : DURATION_EXAMPLES, (given) => {
    const ms = parseDuration(given);
    return ms === null || ms < minMs ? undefined : ms;
  });

export const listOf = <T>(accepted: string, read: (item: unknown) => T | undefined, min = 1) =>
  value(accepted, (given) => {
    if (!Array.isArray(given) || given.length < min) return undefined;
    const items = given.map(read);
    return items.includes(undefined) ? undefined : (items as T[]);
  });

/** Plain http is for this machine only. */
export const httpsUrl = (accepted: string) =>
  value(`${accepted} with https (plain http is for localhost only)`, (given) => {
    if (typeof given !== "string" || /[\s\\]/.test(given) || !URL.canParse(given)) return undefined;
    const { protocol, hostname } = new URL(given);
    const isOwn = hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
    return protocol === "https:" || (protocol === "http:" && isOwn) ? given : undefined;
  });

/** ISO 3166-1 alpha-2, upper case; an alias such as UK becomes the official GB. */
export const country = () =>
  value("a country's two letters, such as EE", (given) => {
    // YAML 1.1 habits: Norway's NO stays text in YAML 1.2, so only text arrives here.
    if (typeof given !== "string" || !/^[A-Za-z]{2}$/.test(given)) return undefined;
    const region = new Intl.Locale(`und-${given.toUpperCase()}`).region;
    const name = region && new Intl.DisplayNames("en", { type: "region", fallback: "none" }).of(region);
    return name && !["ZZ", "EU", "UN", "EZ"].includes(region) ? region : undefined;
  });

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

export const timezone = () =>
  value("an IANA time zone such as Europe/Tallinn", (given) =>
    typeof given === "string" && isZone(given) ? given : undefined,
  );

export const encoding = () =>
  value("an encoding such as utf-8, utf-16le or windows-1252", (given) => {
    if (typeof given !== "string") return undefined;
    try {
      return new TextDecoder(given).encoding;
    } catch {
      return undefined;
    }
  });

const DELIMITERS: Record<string, string> = { comma: ",", semicolon: ";", tab: "\t", bar: "|", "\\t": "\t" };

export const delimiter = () =>
  value("comma, semicolon, tab or bar", (given) => {
    if (typeof given !== "string") return undefined;
    const character = DELIMITERS[given] ?? given;
    return Object.values(DELIMITERS).includes(character) ? character : undefined;
  });
