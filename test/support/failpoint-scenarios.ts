import { CARE } from "./failpoint-care.ts";
import { CHECKS } from "./failpoint-checks.ts";
import { INTAKE } from "./failpoint-intake.ts";
import { MENDING } from "./failpoint-mending.ts";
import { MIGRATING } from "./failpoint-migrations.ts";
import type { Scenario } from "./failpoint-walk.ts";

/** Every command that is killed at each of its instants. */
export const SCENARIOS: readonly Scenario[] = [...INTAKE, ...MIGRATING, ...CHECKS, ...CARE, ...MENDING];
