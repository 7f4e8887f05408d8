import type { Config } from "../config/config.ts";
import { CUSTOM_FIELDS_MAX } from "../config/daily-tokens.ts";
import type { Catalog, CrmAccount, FieldedEntity } from "../domain/catalog.ts";
import { type Finding, ok, warn } from "./doctor-finding.ts";

const FIELDED: readonly FieldedEntity[] = ["person", "organization", "deal"];
/** From here on somebody should know, before a field that is needed can't be made. */
const ALLOWANCE_PART = 0.9;
/** For so long a change of the token's user is a warning; later it is history. */
const CHANGE_TOLD_MS = 7 * 24 * 3_600_000;

/** An account row of the ledger's catalog: what the CRM said of one credential. */
export interface KnownAccount {
  account: CrmAccount;
  askedAtMs: number;
}

/** Whether the token's user sees every person: whom it can't see is made a second time. */
export function checkSight({ seesAll, userName }: CrmAccount): Finding {
  const name = "token's sight";
  if (seesAll === true) return ok(name, `${userName} is an admin and sees all persons, organizations and deals`);
  const said =
    seesAll === undefined
      ? "the CRM does not say whether"
      : `${userName} is no admin, so only visibility decides whether`;
  const message = `${said} this user sees all persons; whom it can't see is created a second time. The API does not show visibility groups`;
  const fix = `Use an admin's token, or check in the CRM: Settings > Manage users > Visibility groups, that ${userName} sees persons, organizations and deals of all users.`;
  return warn(name, message, fix);
}

/** Who owns what crmledger creates: the token's user, where neither map nor record names an owner. */
export function checkOwner(config: Config, { userName, userEmail }: CrmAccount): Finding {
  const who = userEmail ? `${userName} (${userEmail})` : userName;
  const mapped = Object.values(config.sources).flatMap(({ name, map }) => {
    const kinds = FIELDED.filter((entity) => map !== null && Object.hasOwn(map, `${entity}.owner`));
    return kinds.length === 0 ? [] : [`${name} (${kinds.map((kind) => `${kind}.owner`).join(", ")})`];
  });
  const but =
    mapped.length === 0 ? "no map names another owner" : `but where a map names another: ${mapped.join("; ")}`;
  return ok("owner", `new records will belong to ${who}, the token's user; ${but}`);
}

/** Whether the token was another user's until lately: from then on new records belong to somebody else. */
export function checkOwnerChange(now: CrmAccount, known: readonly KnownAccount[], nowMs: number): Finding[] {
  const others = known.filter(({ account }) => account.userId !== now.userId);
  const last = others.reduce<KnownAccount | null>(
    (latest, one) => (latest === null || one.askedAtMs > latest.askedAtMs ? one : latest),
    null,
  );
  if (last === null) return [];
  const day = new Date(last.askedAtMs).toISOString().slice(0, 10);
  const message = `the token's user changed from ${last.account.userName} to ${now.userName} (${last.account.userName}'s was last used ${day}): new records belong to ${now.userName}`;
  if (nowMs - last.askedAtMs > CHANGE_TOLD_MS) return [ok("owner change", message)];
  const fix = `Nothing, if that is meant. Else use ${last.account.userName}'s token again, or name the owner in the maps (person.owner, deal.owner).`;
  return [warn("owner change", message, fix)];
}

/** Custom fields of the account against what its plan allows. */
export function checkAllowance({ crm }: Config, catalog: Catalog): Finding[] {
  const used = FIELDED.reduce(
    (sum, entity) => sum + (catalog.fields[entity] ?? []).filter(({ custom }) => custom).length,
    0,
  );
  const name = "custom fields";
  if (crm.plan === null)
    return [
      ok(name, `${used} of persons, organizations and deals; crm.plan in the config would tell how many are allowed`),
    ];
  const allowed = CUSTOM_FIELDS_MAX[crm.plan];
  const message = `${used} of ${allowed} that the ${crm.plan} plan allows are of persons, organizations and deals; those of products, projects and activities count too`;
  if (used < allowed * ALLOWANCE_PART) return [ok(name, message)];
  return [warn(name, message, "Delete fields that nobody uses (Settings > Data fields), or change the plan.")];
}
