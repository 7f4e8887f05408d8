/**
 * `npm run project [-- --quick]`: a year of 1,000, 10,000 and 100,000 submissions a day on each Pipedrive plan with 3 and with 10
 * seats. The real runner on the virtual clock: an hour of the busy part of a day at full size says what a submission costs and
 * how long it takes while the budget lasts; three whole days at a smaller size, volume and budget shrunk alike, say what
 * becomes of what the budget does not pay for. The year is extrapolated from these. Asserts nothing.
 */
import { parseArgs } from "node:util";
import { markdown } from "./peers/table.ts";
import { busyTime, type Cost } from "./projection/busy-time.ts";
import { shortDays } from "./projection/short-days.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Rate limiting page of the vendor, read 2026-11: requests in 2 s of an API token, tokens a day and seat. */
const PLANS = [
  { name: "Lite", burst: 20, tokensPerSeat: 30_000 },
  { name: "Growth", burst: 40, tokensPerSeat: 60_000 },
  { name: "Premium", burst: 80, tokensPerSeat: 150_000 },
  { name: "Ultimate", burst: 120, tokensPerSeat: 210_000 },
];
const VOLUMES = [1_000, 10_000, 100_000];
const SEATS = [3, 10];
const SHARE = 0.8;
const DAYS_A_YEAR = 365;
const DAY_MS = 86_400_000;

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const time = (ms: number): string => {
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} d`;
};

const head = [
  "submissions a day",
  "plan",
  "seats",
  "tokens each",
  "needs of our share",
  "used of it",
  "backlog after a year",
  "p50",
  "p95",
  "wait after a year",
];
const rows = [head];
for (const perDay of VOLUMES) {
  for (const plan of PLANS) {
    const cost: Cost = await busyTime(perDay, plan.burst, values.quick ? 5 : perDay > 50_000 ? 15 : 60);
    for (const seats of SEATS) {
      const ours = plan.tokensPerSeat * seats * SHARE;
      const used = (perDay * cost.tokensEach) / ours;
      const short = used <= 1 ? null : await shortDays(used, values.quick ? 60 : 200);
      const { p50Ms, p95Ms } = short ?? cost;
      // Part of what comes that no day pays for. Who is past the target is served oldest first, so waits grow with it.
      const unpaid = short === null ? 0 : 1 - short.usedPart / used;
      rows.push([
        whole(perDay),
        plan.name,
        String(seats),
        cost.tokensEach.toFixed(1),
        `${Math.round(100 * used)} %`,
        short === null ? "-" : `${(100 * short.usedPart).toFixed(1)} %`,
        whole(unpaid * perDay * DAYS_A_YEAR),
        time(p50Ms),
        time(p95Ms),
        short === null ? time(p50Ms) : time(unpaid * DAYS_A_YEAR * DAY_MS),
      ]);
      process.stderr.write(`${rows.at(-1)!.join(", ")}\n`);
    }
  }
}
for (const line of markdown(rows)) say(line);
