/** A worker of `npm run simulate`: lives through the seeds that it is given, and asks for more. */
import { createSimulation } from "./simulate.ts";

const simulate = createSimulation(Number(process.argv[2]));

process.on("message", (share: { from: number; to: number }) => {
  void live(share);
});

async function live({ from, to }: { from: number; to: number }): Promise<void> {
  for (let seed = from; seed < to; seed += 1) {
    const { story: _, ...ending } = await simulate(seed);
    process.send!(ending);
  }
  process.send!("more");
}
