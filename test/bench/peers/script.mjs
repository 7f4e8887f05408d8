/**
 * (a) The script that people have today: search, then create; p-limit; a 429 waits as long as `Retry-After` says. What it
 * knows is in memory. With a log it notes each submission that is through, and leaves those out when it is run again.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import pLimit from "p-limit";
import { ApiError, once, settings, sleep, submissions, tell } from "./records.mjs";
import { call, chainOf } from "./rest.mjs";

const TRIES = 8;

/** A 429 was not executed, a GET may be: both are repeated. A POST that broke off may have been, and fails. */
async function send(method, path, body) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(method, path, body);
    } catch (error) {
      const limited = error instanceof ApiError && error.status === 429;
      const broken = !(error instanceof ApiError) || error.status >= 500;
      if (attempt === TRIES || !(limited || (broken && method === "GET"))) throw error;
      await sleep((limited ? error.waitMs : 250 * 2 ** attempt) + Math.random() * 250);
    }
  }
}

const through = new Set(settings.log && existsSync(settings.log) ? readFileSync(settings.log, "utf8").split("\n") : []);
const chain = chainOf(send, once(), once());
const limit = pLimit(settings.inFlight);
let failed = 0;

async function deliver(submission) {
  const organization = await chain.organization(submission);
  const person = await chain.person(submission, organization);
  const deal = await chain.deal(submission, person, organization);
  await chain.note(submission, deal, person);
  if (settings.log) appendFileSync(settings.log, `${submission.id}\n`);
}

await Promise.all(
  submissions
    .filter(({ id }) => !through.has(id))
    .map((submission) =>
      limit(() =>
        deliver(submission).catch(() => {
          failed += 1;
        }),
      ),
    ),
);
tell({ failed });
