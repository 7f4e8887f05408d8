import { readFileSync, type Stats, statSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { configPlaces } from "../config/find-config.ts";
import { parseConfig, type Vendor } from "../config/parse-config.ts";
import { VENDORS } from "../crm/vendors.ts";
import { CrmledgerError } from "../domain/errors.ts";
import { checkBaseUrl } from "../http/base-url.ts";
import type { Globals } from "./command.ts";
import type { Io } from "./io.ts";
import type { Talk } from "./talk.ts";

const FILE_BYTES_MAX = 1_000_000;
const INIT_HINT = "Write one with `crmledger init`, or name it with --config or CRMLEDGER_CONFIG.";

/**
 * Reads and checks the config. From then on `talk` keeps the token to itself, which may stand in a map's expression too. Rejects
 * with `configMissing`, `configInvalid` or `secretExposed`.
 */
export function readConfig(globals: Globals, io: Io, talk: Pick<Talk, "keepSecret">): Config {
  const file = findConfig(globals, io);
  if (file === null) throw new CrmledgerError("configMissing", "There is no crmledger.yaml here", { hint: INIT_HINT });
  const facts = statOf(file);
  if (facts === null) throw new CrmledgerError("configMissing", `The config ${file} is not there`, { hint: INIT_HINT });
  if (!facts.isFile() || facts.size > FILE_BYTES_MAX) {
    throw new CrmledgerError("configInvalid", `${file} is no file of settings`);
  }
  const config = parseConfig(readText(file), { file, env: io.env, ownerOnly: isOwnerOnly(facts), vendors: vendors() });
  try {
    talk.keepSecret(readToken(config));
  } catch {
    // Whoever needs it says what is wrong with it.
  }
  return config;
}

/** Path of the config in use, or null where none was named and none is found. */
export function findConfig(globals: Globals, io: Io): string | null {
  const places = configPlaces(globals.config, io.env, io.cwd, io.home);
  if ("named" in places) return places.named;
  return places.tried.find((place) => statOf(place) !== null) ?? null;
}

/** Whether nobody but the owner can read a file. Windows has no such modes. */
export function isOwnerOnly(facts: Pick<Stats, "mode">): boolean {
  return process.platform === "win32" || (facts.mode & 0o077) === 0;
}

/** What a token's file holds, whoever else may read it; null: it is not there. Rejects with `usage` where this user can't read it. */
export function readTokenText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    const hint = "Name the file with the CRM's API token. No config was written.";
    throw new CrmledgerError("usage", `The token file ${path} can't be read (${code})`, { hint, cause: error });
  }
}

/** Whether a text can be a token at all. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(text);
}

/** The CRM's token, from where the config says. Rejects with `configInvalid` or `secretExposed`. */
export function readToken(config: Config): string {
  const { token } = config.crm;
  if (token.type === "none") {
    throw new CrmledgerError("configInvalid", `${config.file}: crm has neither apiTokenFile nor apiToken`, {
      hint: "Put the token into a file with mode 600 and name it as crm.apiTokenFile.",
    });
  }
  const text = token.type === "value" ? token.secret.reveal() : readTokenFile(token.path);
  if (isToken(text)) return text;
  const place = token.type === "value" ? "crm.apiToken" : token.path;
  throw new CrmledgerError(
    "configInvalid",
    `${place} holds ${text === "" ? "nothing" : "no token: it has spaces or line breaks in it"}`,
    {
      hint: "Copy the token from the CRM's settings again; the file holds it alone, in one line.",
    },
  );
}

function readTokenFile(path: string): string {
  const facts = statOf(path);
  if (facts === null) {
    throw new CrmledgerError("configInvalid", `crm.apiTokenFile ${path} is not there`, {
      hint: "Put the CRM's API token into it, and nothing else, with mode 600.",
    });
  }
  if (!isOwnerOnly(facts)) {
    throw new CrmledgerError("secretExposed", `The token in ${path} can be read by other users of this machine`, {
      hint: `chmod 600 ${path}`,
    });
  }
  return readText(path).trim();
}

/** The CRMs that a config may name. */
export function vendors(): Record<string, Vendor> {
  return Object.fromEntries(
    Object.entries(VENDORS).map(([type, { defaultBaseUrl, hostSuffixes }]) => [
      type,
      {
        defaultBaseUrl,
        checkBaseUrl: (text, allowHosts) => checkBaseUrl(text, hostSuffixes, allowHosts),
      } satisfies Vendor,
    ]),
  );
}

/** Null: nothing is there. Rejects with `configInvalid` where this user may not even look. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return null;
    throw unreadable(path, error);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CrmledgerError {
  const reason = (error as NodeJS.ErrnoException).code ?? "unknown reason";
  return new CrmledgerError("configInvalid", `${path} can't be read (${reason})`, {
    hint: "Run crmledger as the user that owns it.",
    cause: error,
  });
}
