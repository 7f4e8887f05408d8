import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { syncCommand } from "./cron-line.ts";

export const SERVICE_NAME = "crmledger.service";
export const TIMER_NAME = "crmledger.timer";

export interface UnitFacts {
  config: Config;
  launcher: readonly string[];
  /** The ledger's owner. */
  user: string;
  /** The environment variable that the token comes from; null: a file. */
  tokenEnv: string | null;
}

/**
 * A oneshot service for each run, and the timer that starts it. 4 (another sync is working), 75 (held, the next run goes
 * on) and 143 (stopped by systemd, everything recorded) are no failures. 3 is one on purpose: records need a person, and a
 * failed unit is what `systemctl --failed` and OnFailure= tell people about; the timer goes on all the same.
 */
export function systemdUnits(facts: UnitFacts): { service: string; timer: string } {
  return { service: serviceText(facts), timer: timerText() };
}

function serviceText({ config, launcher, user, tokenEnv }: UnitFacts): string {
  const folder = dirname(config.file);
  const writable = writableFolders(config);
  // systemd gives the service an empty /tmp of its own: not where the data lives there.
  const temporary = [folder, config.file, ...writable].some((path) => /^\/(var\/)?tmp(\/|$)/.test(path));
  const grace = Math.ceil(config.crm.timeoutMs / 1000) + 30;
  return `[Unit]
Description=crmledger: website submissions into the CRM
Wants=network-online.target
After=network-online.target
# Tell somebody when a run fails:
#OnFailure=your-alert@%n.service

[Service]
Type=oneshot
User=${escapePercent(user)}
WorkingDirectory=${escapePercent(folder)}
${tokenEnv === null ? "" : `# A file with the line ${tokenEnv}=..., mode 600:\nEnvironmentFile=/etc/crmledger.env\n`}ExecStart=${syncCommand(launcher, config.file).map(execWord).join(" ")}
# 4: another sync is working. 75: held, the next run goes on. 143: stopped, everything recorded.
# 3 (records need attention) fails the unit on purpose: systemctl --failed shows it, OnFailure= tells it.
SuccessExitStatus=4 75 143
# Longer than an answer of the CRM may take (crm.timeout), so that what is in flight is recorded.
TimeoutStopSec=${grace}

UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=${writable.map((path) => unitWord(`-${path}`)).join(" ")}
${temporary ? "" : "PrivateTmp=yes\n"}PrivateDevices=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
# No MemoryDenyWriteExecute: Node compiles while it runs.
`;
}

/** The ledger's folder (its journal and counter stand beside it) and the spools. */
function writableFolders(config: Config): string[] {
  const spools = Object.values(config.sources).flatMap(({ spool }) => spool ?? []);
  return [...new Set([dirname(config.ledger), ...spools])];
}

function timerText(): string {
  return `[Unit]
Description=crmledger every five minutes

[Timer]
OnCalendar=*:0/5
RandomizedDelaySec=20
Persistent=true

[Install]
WantedBy=timers.target
`;
}

/** As systemd.syntax(7) wants it: quoted where needed, % doubled. */
function unitWord(text: string): string {
  const plain = escapePercent(text);
  if (/^[^\s"'\\;]+$/.test(plain)) return plain;
  return `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Commands have variables too (systemd.service(5)). */
const execWord = (text: string): string => unitWord(text.replaceAll("$", "$$$$"));

const escapePercent = (text: string): string => text.replaceAll("%", "%%");
