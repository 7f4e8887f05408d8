import { describe, expect, test } from "vitest";
import { programRunner } from "../../src/cli/run-program.ts";
import type { AlertMessage } from "../../src/ledger/alerts.ts";
import { sendNotice, slackText } from "../../src/notify/channels.ts";
import { noticeOf } from "../../src/notify/notice.ts";

const NOW_MS = Date.UTC(2026, 10, 24, 12);
const SENDER = { host: "web1", account: "A & B <Ltd>", nowMs: NOW_MS };

const message = (more: Partial<AlertMessage> = {}): AlertMessage => ({
  ...{ alertId: 1, channel: "a", event: "opened", kind: "delay", subject: "website", level: "warning" },
  ...{ message: "website: waits", hint: "look", sinceMs: NOW_MS - 65 * 60_000, closedAtMs: null, leaseUntilMs: 0 },
  ...more,
});

describe("a message", () => {
  test("says of an alert only its last event, and names the worst of what is not over", () => {
    const notice = noticeOf(
      [
        message(),
        message({ event: "worse", level: "critical" }),
        message({ alertId: 2, event: "recovered", closedAtMs: NOW_MS }),
      ],
      SENDER,
    );
    expect(notice.alerts.map(({ event, seconds }) => [event, seconds])).toEqual([
      ["worse", 3900],
      ["recovered", 3900],
    ]);
    expect(notice).toMatchObject({ level: "critical", title: "crmledger (A & B <Ltd>, web1): 1 alert, 1 over" });
  });

  test("escapes for Slack what Slack reads, and nothing else", () => {
    expect(slackText(noticeOf([message({ message: "<!channel> a > b & *c*" })], SENDER))).toBe(
      "*crmledger (A &amp; B &lt;Ltd&gt;, web1): 1 alert*\n" +
        "• warning: &lt;!channel&gt; a &gt; b &amp; *c* (for 1h 5m)\n    look (docs/runbook.md#delay)",
    );
  });

  test("of many alerts tells the first and counts the rest", () => {
    const many = Array.from({ length: 25 }, (_, alertId) => message({ alertId }));
    const lines = slackText(noticeOf(many, SENDER)).split("\n• ");
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe("and 5 more; see: crmledger status");
  });

  test("lets no e-mail address and no line break out, whatever a text holds", () => {
    const evil = message({ subject: "ada@example.com", message: "a\nb ada@example.com, <bob@example.org>\u001b[2J" });
    const notice = noticeOf([evil], SENDER);
    expect(JSON.stringify(notice)).not.toMatch(/@|\\n|\\u001b/);
    expect(notice.alerts[0]!.message).toBe("a b [address], <[address]> [2J");
  });
});

describe("a command", () => {
  const notice = noticeOf([message()], SENDER);
  const run = (argv: string[], timeoutMs = 30_000, secrets: string[] = []) =>
    sendNotice({ type: "command", name: "c", label: "command", argv }, notice, {
      send: async () => ({ type: "failure", sent: "no", code: "NEVER", message: "never" }),
      runProgram: programRunner("/", { PATH: process.env.PATH, TOKEN: "s3cr3t-token", KEPT: "yes" }, secrets),
      timeoutMs,
    });

  test("that ends with 0 took it; any other end is told", async () => {
    expect(await run(["sh", "-c", 'test "$CRMLEDGER_ALERT_LEVEL" = warning && grep -q website'])).toBeNull();
    expect(await run(["sh", "-c", "exit 7"])).toBe("exit code 7");
    expect(await run(["sh", "-c", "kill -9 $$"])).toBe("ended by SIGKILL");
    expect(await run(["/not/there"])).toBe("ENOENT");
  });

  test("gets its words as they are, without a shell, and no variable with the token", async () => {
    expect(await run(["test", "$(exit 1) *", "=", "$(exit 1) *"])).toBeNull();
    expect(await run(["sh", "-c", 'test -z "$TOKEN" && test "$KEPT" = yes'], 30_000, ["s3cr3t-token"])).toBeNull();
  });

  test("that hangs is killed with what it started", async () => {
    expect(await run(["sh", "-c", "sleep 600 & sleep 600"], 300)).toBe("killed after 0 s");
  });
});
