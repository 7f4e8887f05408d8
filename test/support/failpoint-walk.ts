/** Walks a command through every named instant, each of its occurrences: it dies there, and everything must come right. */
import { createMortalWorld, type Death, type MortalWorld } from "./mortal-world.ts";

export interface Scenario {
  /** As `--command` names it. */
  name: string;
  /** The command line that dies. */
  line: readonly string[];
  /** Makes the world in which it runs. Gives what must come right after its death, however often it is asked. */
  prepare(world: MortalWorld): Promise<() => Promise<void>>;
  /** The account has not got the stamp fields. */
  bare?: boolean;
}

/** How often each instant came in a run that nobody disturbed. */
export async function countInstants(scenario: Scenario): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  await inWorld(scenario, async (world) => {
    await world.runWith((name) => void counts.set(name, (counts.get(name) ?? 0) + 1), scenario.line);
  });
  return counts;
}

/** One death and what came of it. */
export interface Fate {
  /** False: the command ended before that occurrence. */
  died: boolean;
  /** What was not right afterwards. */
  wrong: string | null;
}

export async function dieAndRecover(scenario: Scenario, death: Death, instant: string, nth: number): Promise<Fate> {
  let died = false;
  try {
    await inWorld(scenario, async (world) => {
      died = await death(world, scenario.line, instant, nth);
    });
    return { died, wrong: null };
  } catch (error) {
    return { died, wrong: `${scenario.name} at ${instant} no. ${nth}: ${(error as Error).message}` };
  }
}

async function inWorld({ prepare, bare }: Scenario, act: (world: MortalWorld) => Promise<void>): Promise<void> {
  const world = await createMortalWorld(bare !== true);
  try {
    const examine = await prepare(world);
    await act(world);
    await examine();
  } finally {
    await world.close();
  }
}

/**
 * One world in which run after run dies, each at the next instant, in the order in which an undisturbed run meets them; then
 * all must come right. Gives the instants at which it died: what a run before had done does not come again.
 */
export async function dieInTurn(scenario: Scenario, death: Death, instants: readonly string[]): Promise<string[]> {
  const died: string[] = [];
  await inWorld(scenario, async (world) => {
    for (const instant of instants) if (await death(world, scenario.line, instant, 1)) died.push(instant);
  });
  return died;
}

export interface WalkedInstant {
  command: string;
  instant: string;
  deaths: number;
  /** One line for each death after which something was wrong. */
  wrong: string[];
}

export interface WalkOptions {
  death: Death;
  /** Each how many-th occurrence; 1: all of them. */
  stride: number;
  /** Deaths at the same time. */
  together: number;
  onDeath?: (walked: WalkedInstant) => void;
}

/** Dies at each occurrence of each instant, until a run ends without having met it. */
export async function walk(scenario: Scenario, options: WalkOptions): Promise<WalkedInstant[]> {
  const counts = await countInstants(scenario);
  const walked = [...counts.keys()].map((instant) => ({
    command: scenario.name,
    instant,
    deaths: 0,
    wrong: [] as string[],
  }));
  const queue = [...walked];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await walkInstant(scenario, options, next);
  };
  await Promise.all(Array.from({ length: options.together }, worker));
  return walked;
}

async function walkInstant(scenario: Scenario, options: WalkOptions, walked: WalkedInstant): Promise<void> {
  for (let nth = 1; ; nth += options.stride) {
    const { died, wrong } = await dieAndRecover(scenario, options.death, walked.instant, nth);
    if (wrong !== null) walked.wrong.push(wrong);
    if (!died) return;
    walked.deaths += 1;
    options.onDeath?.(walked);
  }
}
