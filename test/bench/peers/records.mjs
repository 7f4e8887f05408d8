/** What all three peers need and none is measured by: their settings, the export, and an answer's error. */
import { readFileSync } from "node:fs";

/** `{url, token, exported, log, burst, searches, windowMs, inFlight, redis, queue}`; null limits: none. */
export const settings = JSON.parse(process.argv[2]);

export const submissions = readFileSync(settings.exported, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line));

export class ApiError extends Error {
  constructor(status, headers) {
    super(`the CRM answered ${status}`);
    this.status = status;
    this.waitMs = waitMs(headers);
  }
}

/** `Retry-After`, else what is left of the window; both in seconds. */
export function waitMs(headers) {
  const seconds = Number(headers?.["retry-after"] ?? headers?.["x-ratelimit-reset"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 1_000;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One promise for each key: whoever asks later gets what the first got. A failure is forgotten. */
export function once() {
  const known = new Map();
  return (key, make) => {
    const there = known.get(key);
    if (there) return there;
    const made = make();
    known.set(key, made);
    made.catch(() => known.delete(key));
    return made;
  };
}

export function tell(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
