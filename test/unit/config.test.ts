import { describe, expect, it } from "vitest";
import { CRM, failure, parse } from "../support/config-parse.ts";

const CONTRACT_EXAMPLE = `
ledger: ./crmledger.db
crm:
  type: pipedrive
  baseUrl: https://acme.pipedrive.com        # default: the vendor's own
  apiTokenFile: ./pipedrive.token            # or apiToken: \${PIPEDRIVE_API_TOKEN}
  plan: growth
  seats: 3
  timeout: 30s
limits:
  burst: auto
  dailyTokens: auto
  share: 0.8
  operationalReserve: 0.2
  concurrency: auto
  backfill: 1000
retry:
  maxAttempts: 5
  baseDelay: 5s
  maxDelay: 5m
  settle: [60s, 300s]
breaker: { failureRate: 0.5, window: 20, cooldown: 30s }
persons:
  match: [email, phone]
  onMatch: fillEmpty
  country: EE
  freshness: 0s
deals:
  match: submission
notes:
  reference: true
  format: text
onBadValue: note
alerts:
  to: [{ slack: "\${SLACK_WEBHOOK}" }, { webhook: https://hooks.example.com/x }, { command: ./notify.sh }]
  failed: 1
heartbeat: https://ping.example.com/x
retention: { archive: 90d, payloads: 400d, rejects: 90d }
sources:
  website:
    spool: ./spool/website
    after: archive
    lane: operational
    target: 15m
    sendFrom: 2026-11-24T00:00:00+01:00
    map:
      id: event_id
      submittedAt: submitted_at
      person.name: fields.full_name
      person.email: fields.email
      deal.title: "= 'Website: ' & fields.product"
      notes: ["= fields.message"]
    restToNote: fields
  import:
    lane: background
`;

describe("lanes, budgets and quiet hours", () => {
  it("are taken, with the source's or the lane's zone, and what a lane leaves out is as for all", () => {
    const { drain } = parse(`${CRM}retry: { maxAttempts: 7, baseDelay: 10s }
lanes:
  background: { quiet: "08:00-18:00", timezone: Europe/Tallinn, retry: { maxDelay: 1h } }
  operational: { retry: { baseDelay: 10m } }
sources:
  web: { quiet: [Sat, "22:00-07:00"], timezone: America/New_York, dailyShare: 0.1 }
  other: { quiet: "22:00-07:00" }
`);
    expect(drain.laneRetry).toEqual({
      background: { maxAttempts: 7, baseDelayMs: 10_000, maxDelayMs: 3_600_000 },
      operational: { maxAttempts: 7, baseDelayMs: 600_000, maxDelayMs: 600_000 },
    });
    expect(drain.quiet?.lanes.background).toMatchObject({ timezone: "Europe/Tallinn", windows: [{ fromMinute: 480 }] });
    expect(drain.quiet?.sources).toMatchObject({
      web: { timezone: "America/New_York", windows: [{ days: [6] }, { fromMinute: 1320, toMinute: 420 }] },
      other: { timezone: "UTC" },
    });
    expect(drain.dailyShares).toEqual({ web: 0.1 });
  });

  it.each([
    ["lanes: { backgroud: {} }\n", "lanes.backgroud is no known key; did you mean background?"],
    ["lanes: { background: { quite: x } }\n", "lanes.background.quite is no known key; did you mean quiet?"],
    ["lanes: { background: { retry: { settle: [1s] } } }\n", "lanes.background.retry.settle is no known key"],
    ["lanes: { background: { retry: { maxDelay: 1s } } }\n", "maxDelay must not be shorter than retry.baseDelay"],
    ["sources: { web: { quiet: 22-7 } }\n", 'sources.web.quiet must be hours such as "22:00-07:00"'],
    ["sources: { web: { quiet: Mon-Sun } }\n", "some time of the week left"],
    ["sources: { web: { dailyShare: 0 } }\n", "sources.web.dailyShare must be a number above 0 and up to 1"],
    ["sources: { web: { dayShare: 0.1 } }\n", "sources.web.dayShare is no known key; did you mean dailyShare?"],
  ])("what is wrong is named: %j", (text, message) => {
    expect(failure(`${CRM}${text}`).message).toContain(message);
  });
});

describe("the contract's example", () => {
  const config = parse(CONTRACT_EXAMPLE, { env: { SLACK_WEBHOOK: "https://hooks.example.com/slack" } });

  it("is taken whole, with paths from the file's own folder", () => {
    expect(config.ledger).toBe("/srv/forms/crmledger.db");
    expect(config.crm).toEqual({
      type: "pipedrive",
      baseUrl: "https://acme.pipedrive.com",
      plan: "growth",
      token: { type: "file", path: "/srv/forms/pipedrive.token" },
      timeoutMs: 30_000,
    });
    expect(config.sources.website).toMatchObject({
      spool: "/srv/forms/spool/website",
      lane: "operational",
      targetMs: 900_000,
      sendFromMs: Date.UTC(2026, 10, 23, 23),
      restToNote: "fields",
      map: { id: "event_id", notes: ["= fields.message"] },
    });
    expect(config.sources.import).toMatchObject({ spool: null, lane: "background", targetMs: 86_400_000 });
    expect(config.drain.retry).toEqual({
      maxAttempts: 5,
      baseDelayMs: 5_000,
      maxDelayMs: 300_000,
      settleMs: [60_000, 300_000],
    });
  });

  it("takes the day's budget from plan and seats", () => {
    expect(config.drain.limits).toMatchObject({ dailyTokens: null, burst: null, planDailyTokens: 180_000 });
  });

  it("knows who is told of what, and shows no address", () => {
    const { to, ...thresholds } = config.alerts;
    expect(thresholds).toEqual({
      ...{ failed: 1, quota: [0.7, 0.85, 0.95], retryRate: 0.1, retryWindowMs: 300_000 },
      dealCap: 15_000,
    });
    expect(to.map((one) => (one.type === "command" ? one.argv : one.url.reveal()))).toEqual([
      "https://hooks.example.com/slack",
      "https://hooks.example.com/x",
      ["/srv/forms/notify.sh"],
    ]);
    expect(config.heartbeat?.reveal()).toBe("https://ping.example.com/x");
    expect(JSON.stringify(config)).not.toMatch(/hooks\.example|ping\.example/);
  });

  it("erases nothing by itself unless `retention` says so, and what it leaves out at the usual age", () => {
    const DAY_MS = 86_400_000;
    expect(config.retention).toEqual({ archiveMs: 90 * DAY_MS, payloadsMs: 400 * DAY_MS, rejectsMs: 90 * DAY_MS });
    const crm = "crm: { type: pipedrive }";
    expect(parse(crm).retention).toBeNull();
    expect(parse(`${crm}\nretention: { payloads: 30d }`).retention).toMatchObject({
      payloadsMs: 30 * DAY_MS,
      archiveMs: 90 * DAY_MS,
    });
  });

  it("equals what the defaults give where both say the same", () => {
    const bare = parse("crm: { type: pipedrive, baseUrl: https://acme.pipedrive.com, plan: growth, seats: 3 }");
    expect(bare.drain.limits).toEqual(config.drain.limits);
    expect(bare.drain.retry).toEqual(config.drain.retry);
    expect(bare.drain.breaker).toEqual(config.drain.breaker);
    expect(bare.plan).toEqual({ ...config.plan, persons: { ...config.plan.persons, country: null } });
    expect(bare.ledger).toBe(config.ledger);
  });
});

describe("a source", () => {
  it("names bad values as its records do, where the map is a plain path", () => {
    const map = `{ "person.fields.\`Budget (k.)\`": "fields.\`1.3\`", deal.value: " fields.budget_eur ", deal.title: "= fields.x", notes: [a.b], deal.currency: [a, b] }`;
    const config = parse(`${CRM}sources:\n  web:\n    map: ${map}\n`);
    expect(config.drain.plans.web?.labels).toEqual({
      "person.fields.Budget (k.)": "1.3",
      "deal.value": "budget_eur",
      notes: "b",
    });
  });

  it("wins with its own settings over the general ones, key by key", () => {
    const config = parse(
      `${CRM}persons: { onMatch: keep, country: EE }\nsources:\n  web:\n    persons: { match: ["person.fields.\`Customer no.\`"] }\n    onBadValue: reject\n`,
    );
    expect(config.sources.web?.plan).toEqual({
      persons: { match: ["person.fields.Customer no."], onMatch: "keep", country: "EE" },
      deals: { match: "submission" },
      notes: { reference: true, format: "text", join: false },
      onBadValue: "reject",
      labels: {},
      unknownNames: "note",
    });
    expect(config.drain.plans.default?.onBadValue).toBe("note");
    expect(config.drain.plans.web).toEqual(config.sources.web?.plan);
  });

  it("without a value has the defaults", () => {
    const config = parse(`${CRM}sources:\n  crm-export:\n`);
    expect(config.sources["crm-export"]).toMatchObject({
      spool: null,
      timezone: "UTC",
      revisions: "report",
      after: "archive",
    });
  });

  it("takes every key of the table", () => {
    const config = parse(
      `${CRM}sources:\n  web:\n    format: csv\n    records: "= $.items"\n    where: status = 'won'\n    timezone: Europe/Tallinn\n    country: uk\n    encoding: latin1\n    delimiter: semicolon\n    revisions: update\n    sameWithin: 10m\n    sendFrom: 2026-11-24 00:00\n`,
    );
    expect(config.sources.web).toMatchObject({
      format: "csv",
      records: "= $.items",
      where: "status = 'won'",
      country: "GB",
      encoding: "windows-1252",
      delimiter: ";",
      revisions: "update",
      sameWithinMs: 600_000,
      sendFromMs: Date.UTC(2026, 10, 23, 22),
    });
  });

  it("may not have a slash in its name, which would break its stamps", () => {
    expect(failure(`${CRM}sources:\n  a/b:\n    lane: operational\n`).message).toContain(
      "/srv/forms/crmledger.yaml:4:3: sources.a/b is no name for a source",
    );
  });

  it("may not share its spool with another", () => {
    expect(failure(`${CRM}sources:\n  a: { spool: ./in }\n  b: { spool: in/ }\n`).message).toContain(
      ":5:15: sources.b.spool is the spool of a too",
    );
  });
});

describe("what is wrong is named with file, line, column and key", () => {
  it.each([
    [
      "crm:\n  type: pipedrive\n  apitokenFile: x\n",
      ":3:3: crm.apitokenFile is no known key; did you mean apiTokenFile?",
    ],
    [`${CRM}limit: {}\n`, ":3:1: limit is no known key; did you mean limits?"],
    [`${CRM}sources:\n  web:\n    spol: ./x\n`, ":5:5: sources.web.spol is no known key; did you mean spool?"],
    [`${CRM}zzzzzzzzzzzz: 1\n`, ":3:1: zzzzzzzzzzzz is no known key; known here: ledger, crm, limits"],
    [`${CRM}alerts:\n  to:\n    - slak: x\n`, ":5:7: alerts.to[0] must be one of slack, webhook, command"],
    [
      `${CRM}alerts:\n  to: [{ webhook: http://hooks.example.com/x }]\n`,
      ":4:19: alerts.to[0].webhook must be a URL with https",
    ],
    [`${CRM}alerts:\n  to:\n    - command: "./notify.sh 'half"\n`, ":5:16: alerts.to[0].command must be a command"],
    [`${CRM}alerts: { retryRate: 10% }\n`, ":3:22: alerts.retryRate must be a rate such as 0.1 in 5m"],
    [`${CRM}alerts: { quota: [0.9, 0.7] }\n`, ":3:18: alerts.quota must rise"],
    [`${CRM}heartbeat: ftp://ping.example.com\n`, ":3:12: heartbeat must be a URL with https"],
    [`${CRM}limits:\n  share: 80\n`, ":4:10: limits.share must be a number above 0 and up to 1"],
    [`${CRM}retry:\n  settle: [300s, 60s]\n`, ":4:11: retry.settle must be a list of rising durations"],
    [
      `${CRM}retry:\n  baseDelay: 10m\n  maxDelay: 5m\n`,
      ":5:13: retry.maxDelay must not be shorter than retry.baseDelay",
    ],
    [`${CRM}retry: { baseDelay: 5 }\n`, ":3:21: retry.baseDelay must be a duration such as 30s"],
    [
      `${CRM}sources:\n  web:\n    lane: operatonal\n`,
      ":5:11: sources.web.lane must be one of operational, background; did you mean operational?",
    ],
    [`${CRM}sources:\n  web:\n    timezone: Mars/North\n`, ":5:15: sources.web.timezone must be an IANA time zone"],
    [`${CRM}persons:\n  country: XX\n`, ":4:12: persons.country must be a country's two letters"],
    [`${CRM}log: ./crmledger.db-wal\n`, ":3:6: log must not be a file of the ledger"],
    [`${CRM}log: ./s/a.jsonl\nsources: { web: { spool: ./s } }\n`, ":3:6: log must not lie in the spool of web"],
    [`${CRM}limits: 5\n`, ":3:9: limits must be a group of keys"],
    ["ledger: x.db\n", "crm is missing"],
    ["crm: { type: salesfarce }\n", ":1:14: crm.type must be one of pipedrive"],
    [`${CRM}crm: {}\n`, ":3:1: this key stands here twice"],
    ["", "holds no settings"],
    [`${CRM}  baseUrl: http://acme.pipedrive.com\n`, ":3:12: crm.baseUrl is plain http"],
    [`${CRM}  baseUrl: https://pipedrive.com.evil.example\n`, "which is not one of the vendor"],
    [`${CRM}  apiToken: \${PD}\n`, ":3:13: crm.apiToken needs the environment variable PD, which is not set"],
    [`${CRM}  apiToken: a\n  apiTokenFile: b\n`, "crm.apiTokenFile and crm.apiToken exclude each other"],
  ])("%j", (text, expected) => {
    const error = failure(text, { ownerOnly: true });
    expect(error.code).toBe("configInvalid");
    expect(error.message).toContain(expected);
  });

  it("all at once, in the order of the file", () => {
    const { message } = failure(`${CRM}limits: { share: 2 }\nnotes: { format: pdf }\ndeal: {}\n`);
    expect(message.split("\n").map((line) => /:(\d+):/.exec(line)?.[1])).toEqual(["3", "4", "5"]);
  });

  it("once: a missing variable is not also a wrong value", () => {
    const { message } = failure(`${CRM}  apiToken: \${PD}\n  seats: \${SEATS}\n`);
    expect(message.split("\n")).toHaveLength(2);
  });

  it("never repeats a value, which may be a secret in the wrong place", () => {
    const { message, details } = failure(`${CRM}  seats: s3cr3t-token-0123456789\n`);
    expect(message + JSON.stringify(details)).not.toContain("s3cr3t");
  });
});
