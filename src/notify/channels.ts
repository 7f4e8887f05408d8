import type { HttpResult, Transport } from "../domain/wire.ts";
import { type Notice, textOf } from "./notice.ts";

/** Where alerts go. `name` is what the ledger calls it and reveals nothing; `label` is for people, without what is secret in a URL. */
export type Channel = { name: string; label: string } & (
  | { type: "slack" | "webhook"; url: string }
  | { type: "command"; argv: readonly string[] }
);

/** Runs a program without a shell; text on its standard input. Never rejects. Null: it ended with 0. Else what went wrong. */
export type RunProgram = (
  argv: readonly string[],
  given: { stdin: string; env: Readonly<Record<string, string>>; timeoutMs: number },
) => Promise<string | null>;

export interface ChannelDeps {
  send: Transport;
  runProgram: RunProgram;
  timeoutMs: number;
}

const REPLY_BYTES_MAX = 10_000;

/** Sends one message over one channel, once. Null where it was taken, else what went wrong; never rejects. */
export async function sendNotice(channel: Channel, notice: Notice, deps: ChannelDeps): Promise<string | null> {
  if (channel.type === "command") return await runCommand(channel.argv, notice, deps);
  const body = channel.type === "slack" ? { text: slackText(notice) } : notice;
  const result = await deps.send({
    method: "POST",
    url: channel.url,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    timeoutMs: deps.timeoutMs,
    bytesMax: REPLY_BYTES_MAX,
  });
  return troubleOf(result);
}

/** Null for a 2xx. Names status or failure, never the URL. */
export function troubleOf(result: HttpResult): string | null {
  if (result.type === "failure") return result.message;
  return result.status >= 200 && result.status < 300 ? null : `answered ${result.status}`;
}

/** https://docs.slack.dev/messaging/formatting-message-text (read 2026-11-23): these three are escaped, no others. */
export function slackText(notice: Notice): string {
  const plain = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return textOf(notice, { title: (text) => `*${plain(text)}*`, part: (text) => `• ${plain(text)}` });
}

async function runCommand(argv: readonly string[], notice: Notice, deps: ChannelDeps): Promise<string | null> {
  const text = textOf(notice, { title: (line) => line, part: (line) => `- ${line}` });
  return await deps.runProgram(argv, {
    stdin: `${JSON.stringify(notice)}\n`,
    env: {
      CRMLEDGER_ALERT_LEVEL: notice.level,
      CRMLEDGER_ALERT_TITLE: notice.title,
      CRMLEDGER_ALERT_TEXT: text,
      CRMLEDGER_ALERT_COUNT: String(notice.alerts.length),
    },
    timeoutMs: deps.timeoutMs,
  });
}
