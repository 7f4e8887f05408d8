/**
 * (c) A BullMQ worker with its rate limiter. A submission is a job, its id the job's; each step's id is kept in the job as soon
 * as it is known, so a job that stalled or failed goes on where it was. A 429 stops the queue for as long as it says.
 */
import { Queue, Worker } from "bullmq";
import { ApiError, once, settings, sleep, submissions, tell } from "./records.mjs";
import { call, chainOf } from "./rest.mjs";

const connection = { path: settings.redis, maxRetriesPerRequest: null };
const queue = new Queue(settings.queue, { connection });
const chain = chainOf(call, once(), once());
// The limiter counts jobs: as many as fit into a window with their look-ups and creates.
const { jobsPerWindow, windowMs } = settings;
const limiter = jobsPerWindow === null ? {} : { limiter: { max: jobsPerWindow, duration: windowMs } };

async function work(job) {
  const keep = async (name, make) => {
    if (job.data.ids[name] !== undefined) return job.data.ids[name];
    const id = (await make()) ?? null;
    await job.updateData({ ...job.data, ids: { ...job.data.ids, [name]: id } });
    return id;
  };
  try {
    const { submission } = job.data;
    const organization = await keep("organization", () => chain.organization(submission));
    const person = await keep("person", () => chain.person(submission, organization));
    const deal = await keep("deal", () => chain.deal(submission, person, organization));
    await keep("note", () => chain.note(submission, deal, person));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 429) throw error;
    await worker.rateLimit(error.waitMs);
    throw Worker.RateLimitError();
  }
}

const worker = new Worker(settings.queue, work, {
  connection,
  concurrency: settings.inFlight,
  // A stalled job is found after ten seconds rather than thirty, so that the bench need not wait.
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 5,
  autorun: false,
  ...limiter,
});
worker.on("error", () => undefined);

await queue.retryJobs({ state: "failed" });
await queue.addBulk(
  submissions.map((submission) => ({
    name: "submission",
    data: { submission, ids: {} },
    opts: { jobId: submission.id, attempts: 5, backoff: { type: "exponential", delay: 500 } },
  })),
);
const running = worker.run();
for (;;) {
  const { active, waiting, delayed, prioritized, failed } = await queue.getJobCounts();
  if (active + waiting + delayed + prioritized === 0) {
    tell({ failed });
    break;
  }
  await sleep(50);
}
await worker.close();
await running;
await queue.close();
