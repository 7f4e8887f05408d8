import type { Config } from "../config/config.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { Catalog } from "../domain/catalog.ts";
import { CrmledgerError } from "../domain/errors.ts";
import { NO_FAILPOINT } from "../domain/failpoint.ts";
import type { Invocation } from "./command.ts";
import { nowOf, openCrmLine, withRun } from "./compose.ts";
import { vendors } from "./read-config.ts";
import { createRealClock } from "./real-clock.ts";

/** What the CRM says of a token, for the config's comments. */
export interface CrmFound {
  account: string;
  user: string;
  pipelines: { name: string; stages: string[] }[];
}

export type Contact =
  | { type: "found"; found: CrmFound }
  /** The CRM does not take this token. */
  | { type: "refused"; message: string }
  /** It could not be asked: no network, an outage, a limit. Says nothing about the token. */
  | { type: "silent"; message: string };

/** Set-up goes on without the CRM, so nobody waits long for it. */
const PATIENCE = "10s";
const TOKEN_NAME = "CRMLEDGER_INIT_TOKEN";
/**
 * A run opens with a sixteenth of its burst: here three requests, which is all that is asked, so that nobody waits for a
 * window at a prompt. The smallest plan takes twenty.
 */
const LIMITS = { burst: 48, share: 1 };

/**
 * Asks the CRM whose token this is and which pipelines there are: a few cheap reads, through the same paced wheel as every
 * other request, on a ledger in memory. Rejects with `configInvalid` where the token must not be sent to `baseUrl`.
 */
export async function contactCrm(invocation: Invocation, baseUrl: string | null, token: string): Promise<Contact> {
  invocation.talk.keepSecret(token);
  const config = configFor(invocation, baseUrl, token);
  try {
    return { type: "found", found: foundIn(await readSetup(invocation, config)) };
  } catch (error) {
    if (!(error instanceof CrmledgerError)) throw error;
    if (error.code === "credentialsRefused") return { type: "refused", message: error.message };
    if (error.code === "held") return { type: "silent", message: error.message };
    throw error;
  }
}

function configFor({ io }: Invocation, baseUrl: string | null, token: string): Config {
  const crm = {
    type: "pipedrive",
    apiToken: `\${${TOKEN_NAME}}`,
    timeout: PATIENCE,
    ...(baseUrl !== null && { baseUrl }),
  };
  const text = JSON.stringify({ crm, limits: LIMITS });
  const env = { [TOKEN_NAME]: token };
  return parseConfig(text, { file: `${io.cwd}/init`, env, ownerOnly: true, vendors: vendors() });
}

async function readSetup(invocation: Invocation, config: Config): Promise<Catalog> {
  const clock = invocation.io.clock ?? createRealClock();
  const { openSqliteLedger } = await import("../ledger/sqlite/open.ts");
  const ledger = await openSqliteLedger({ path: ":memory:", create: true, nowMs: clock.wallMs() });
  const shop = { config, ledger, ledgerPath: ":memory:", clock, now: () => nowOf(clock), failpoint: NO_FAILPOINT };
  try {
    return await withRun(shop, "doctor", async (runId) => {
      const line = await openCrmLine(shop, invocation, runId, () => undefined);
      try {
        const { openDesk } = await import("../runner/desk.ts");
        const desk = await openDesk(line.deps);
        try {
          return { result: await desk.catalog(["pipelines", "stages"], 0), summary: null, exitCode: 0 };
        } finally {
          await desk.close();
        }
      } finally {
        await line.close();
      }
    });
  } finally {
    await ledger.close();
  }
}

function foundIn({ account, pipelines = [], stages = [] }: Catalog): CrmFound {
  return {
    account: account?.name ?? "",
    user: account?.userName ?? "",
    pipelines: pipelines.map(({ id, name }) => ({
      name,
      stages: stages.filter((stage) => stage.pipelineId === id).map((stage) => stage.name),
    })),
  };
}
