import type { Mutation } from "./mutation.ts";
import { EDGES } from "./mutations-edges.ts";
import { HANDS } from "./mutations-hands.ts";
import { WRITES } from "./mutations-writes.ts";

/** Each safety of the tool, switched off alone. */
export const MUTATIONS: readonly Mutation[] = [...WRITES, ...HANDS, ...EDGES];
