/** Safeties of the write protocol: what keeps a write from being lost or sent twice. */
import type { Mutation } from "./mutation.ts";

const LEDGER = "contract/ledger-sqlite.test.ts";
const UNCERTAIN = "integration/runner-uncertain.test.ts";
const SAFETIES = "crash/runner-safeties.test.ts";

export const WRITES: readonly Mutation[] = [
  {
    name: "intent before the first byte",
    guards: "It commits (`synchronous=FULL`) before the first byte of any of them leaves.",
    file: "runner/wheel.ts",
    edits: [
      [
        `      failpoint("turn.before");\n`,
        `      failpoint("turn.before");\n      for (const { jobs, request } of offers) if (request.write && jobs.length > 0) void this.#deps.send(request);\n`,
      ],
    ],
    killedBy: [
      [SAFETIES, "is in the file, for every connection to see, when the write leaves"],
      ["crash/order-of-sync.test.ts", "has each intent on the disk before the write's first byte leaves (%s)"],
    ],
  },
  {
    name: "intent of a dead run",
    guards: "the step is `begun` and its run is dead",
    file: "ledger/sqlite/recovery.ts",
    edits: [
      [
        "UPDATE steps SET state = 'uncertain', lost_at_ms = ?, probes = 0",
        "UPDATE steps SET state = 'open', lost_at_ms = ?, probes = 0",
      ],
    ],
    killedBy: [
      [LEDGER, "an intent without an outcome becomes uncertain, lost when its time was up, due a settle time later"],
      [SAFETIES, "keeps a dead run's write from being sent again"],
    ],
  },
  {
    name: "lost at the time it was sent + timeout",
    guards: "makes it `uncertain`: lost at the time it was sent + timeout",
    file: "ledger/sqlite/recovery.ts",
    edits: [["(step.sentAtMs ?? now.wallMs) + (step.timeoutMs ?? 0)", "(step.sentAtMs ?? now.wallMs)"]],
    killedBy: [
      [LEDGER, "an intent without an outcome becomes uncertain, lost when its time was up, due a settle time later"],
    ],
  },
  {
    name: "settle time",
    guards: "It is looked for at each settle time (one and five minutes by default)",
    file: "runner/looks.ts",
    edits: [["  if (!isLastLook(context, step)) {", "  if (step.probes < 0) {"]],
    killedBy: [[UNCERTAIN, "applied late, within the settle times: adopted at the second look"]],
  },
  {
    name: "settle time by the monotonic clock",
    guards: "How long ago an answer was lost is told by the boot's monotonic clock",
    file: "runner/looks.ts",
    edits: [["if (step.sentClock?.bootId !== clock.bootId) return", 'if (clock.bootId !== "") return']],
    killedBy: [
      [
        "integration/runner-clock-back.test.ts",
        "a wall clock that jumps ahead (with a reboot: false) makes no look the last one: what arrives within the settle time is found",
      ],
    ],
  },
  {
    name: "look before sending again",
    guards: "No write with an unknown outcome is sent again until the CRM has been asked and it was not there.",
    file: "runner/settle-step.ts",
    edits: [[`stepChange(step, "begun", "uncertain", {`, `stepChange(step, "begun", "open", {`]],
    killedBy: [[SAFETIES, "keeps a write whose answer was lost from being sent again"]],
  },
  {
    name: "look before a dead run's write is sent again",
    guards: "Found: adopted.",
    file: "runner/uncertain.ts",
    edits: [
      [
        "const found = await foundAmong(context, each, records, adopted);",
        "const found = records.length < 0 ? await foundAmong(context, each, records, adopted) : null;",
      ],
    ],
    killedBy: [[UNCERTAIN, "done, %s: found at the first look, never sent twice"]],
  },
  {
    name: "a look that fails proves nothing",
    guards: "A look that fails proves nothing.",
    file: "runner/uncertain.ts",
    edits: [
      [
        '    if (outcome.type !== "applied") throw new ChainStop({ type: "again", error: refusal(outcome), step: null });\n',
        '    if (outcome.type !== "applied") return records;\n',
      ],
    ],
    killedBy: [[UNCERTAIN, "proves nothing either (%i)"]],
  },
  {
    name: "margin for clocks in the look",
    guards: "A look reads back from before the write was sent, for clocks differ; the last one by a day and more.",
    file: "runner/uncertain.ts",
    edits: [["const MARGIN_LAST_MS = 26 * 3_600_000;", "const MARGIN_LAST_MS = 0;"]],
    killedBy: [[UNCERTAIN, "finds a %s that was sent before a reboot that put our clock right by hours"]],
  },
  {
    name: "look among what people deleted or archived",
    guards: "What people deleted or archived meanwhile is found too, and not made again.",
    file: "runner/uncertain.ts",
    edits: [
      [
        'entity === "deal" ? await hiddenDeals(context, missed) : []',
        'entity === "note" ? await hiddenDeals(context, missed) : []',
      ],
    ],
    killedBy: [[UNCERTAIN, "%s: it is not made again"]],
  },
  {
    name: "an update is settled by reading",
    guards: "an update is settled by reading the record",
    file: "runner/uncertain.ts",
    edits: [
      [
        "lacks: record !== null && (await isLacking(context, each, record))",
        "lacks: record?.deleted === true && (await isLacking(context, each, record))",
      ],
    ],
    killedBy: [
      [UNCERTAIN, "not done, %s: sent again once, after both looks missed it"],
      [UNCERTAIN, "is sent again where the link is not there"],
    ],
  },
  {
    name: "an update's record is named before it leaves",
    guards: "an update is settled by reading the record",
    file: "runner/writer.ts",
    edits: [["    this.#announce(request);\n", ""]],
    killedBy: [[SAFETIES, "of an update names its record, or a dead run's could not be settled"]],
  },
  {
    name: "stamp in the create",
    guards: "by its **stamp**: `SOURCE/KEY` in a text field that is part of the create",
    file: "crm/pipedrive/bodies.ts",
    edits: [
      [
        'if (operation.type === "create" && operation.stamp !== null)',
        'if (operation.type !== "create" && operation.links === null)',
      ],
    ],
    killedBy: [
      [
        "integration/runner-deals.test.ts",
        "stamps what it creates: person, organization and deal; notes carry the reference line",
      ],
      [UNCERTAIN, "done, %s: found at the first look, never sent twice"],
    ],
  },
  {
    name: "no create without a stamp field",
    guards: "Where the CRM lacks the field for stamps, nothing is sent.",
    file: "runner/drain.ts",
    edits: [["    if (missing.length > 0) return { report: { setupMissing: setupMissing(missing) } };\n", ""]],
    killedBy: [[SAFETIES, "keeps everything back where creates could carry none"]],
  },
  {
    name: "a 2xx that can't be read is uncertain",
    guards: "An `uncertain` step is also what a time-out, a reset, a 5xx or an unreadable 2xx leaves behind.",
    file: "crm/pipedrive/classify.ts",
    edits: [
      ['return { type: "uncertain", code: "UNREADABLE_REPLY"', 'return { type: "refused", code: "UNREADABLE_REPLY"'],
    ],
    killedBy: [["contract/adapter-pipedrive.test.ts", "calls a 2xx that can't be read uncertain"]],
  },
  {
    name: "a reset or time-out is uncertain",
    guards: "An `uncertain` step is also what a time-out, a reset, a 5xx or an unreadable 2xx leaves behind.",
    file: "crm/pipedrive/classify.ts",
    edits: [['if (result.sent === "maybe") return', 'if (result.message === "") return']],
    killedBy: [["contract/adapter-pipedrive.test.ts", "tells what was never sent from what may have been"]],
  },
  {
    name: "a 5xx is uncertain",
    guards: "An `uncertain` step is also what a time-out, a reset, a 5xx or an unreadable 2xx leaves behind.",
    file: "crm/pipedrive/classify.ts",
    edits: [["status >= 400 && status < 500 && status !== 408", "status >= 400 && status < 600 && status !== 408"]],
    killedBy: [[UNCERTAIN, "done, %s: found at the first look, never sent twice"]],
  },
  {
    name: "429 is never uncertain",
    guards: "A 429 is refused before execution and never uncertain.",
    file: "crm/pipedrive/classify.ts",
    edits: [
      [
        "  if (status === 429) return limited(result);\n",
        '  if (status === 429) return { type: "uncertain", code: "HTTP_429", message: limited.name };\n',
      ],
    ],
    killedBy: [
      ["contract/adapter-pipedrive.test.ts", "knows $what ($reply.status)"],
      [UNCERTAIN, "is no doubt: %s goes again, without a look"],
    ],
  },
  {
    name: "nothing below the runner repeats a request",
    guards: "Nothing below the runner repeats a request.",
    file: "http/transport.ts",
    edits: [
      [
        "ask(url, request, options, dispatcherOf(url), departure)])",
        "ask(url, request, options, dispatcherOf(url), departure).catch(() => ask(url, request, options, dispatcherOf(url), flight, abort.signal))])",
      ],
    ],
    killedBy: [["unit/http-transport.test.ts", "calls a reset before the reply maybe sent, and does not try again"]],
  },
  {
    name: "fencing of outcomes",
    guards:
      "A lease has a generation: a process that was paused beyond it finds itself *fenced*, and what it knew is not written",
    file: "ledger/sqlite/turn.ts",
    edits: [
      [
        '  return store.one("SELECT 1 FROM claims WHERE id = ? AND run_id = ?", claim, work.runId) !== undefined;',
        '  return store.one("SELECT 1 FROM claims WHERE id = ? OR run_id = ?", claim, work.runId) !== null;',
      ],
    ],
    killedBy: [[LEDGER, "refuses a claim of another run, and one whose step is not in the expected state, as a whole"]],
  },
  {
    name: "fencing of steps",
    guards:
      "A lease has a generation: a process that was paused beyond it finds itself *fenced*, and what it knew is not written",
    file: "ledger/sqlite/changes.ts",
    edits: [
      [
        "WHERE s.id = ? AND p.claim_id = ? AND s.state = 'open' AND s.dropped = 0`;",
        "WHERE s.id = ? AND ? IS NOT NULL AND s.state = 'open' AND s.dropped = 0`;",
      ],
      [
        "WHERE p.id = steps.submission_id AND p.claim_id = ?)`;",
        "WHERE p.id = steps.submission_id AND ? IS NOT NULL)`;",
      ],
    ],
    killedBy: [
      [LEDGER, "a step of a submission that another claim carries is out of reach too, to record and to begin"],
    ],
  },
  {
    name: "fencing before a byte leaves",
    guards: "what it had begun does not leave any more.",
    file: "runner/wheel.ts",
    edits: [
      [
        "const mayLeave = () => clock.monoMs() - turnMonoMs <= Math.min(offer.request.http.timeoutMs, LEASE_MS / 2);",
        "const mayLeave = () => clock.monoMs() >= turnMonoMs;",
      ],
    ],
    killedBy: [[SAFETIES, "keeps what a paused process had begun from leaving when it wakes"]],
  },
  {
    name: "fencing while a connection opens",
    guards: "what it had begun does not leave any more.",
    file: "http/transport.ts",
    edits: [["          if (!mayLeave()) return controller.abort(paused());\n", ""]],
    killedBy: [["unit/http-transport.test.ts", "sends nothing where it became too late while the connection opened"]],
  },
  {
    name: "leases are renewed",
    guards: "Each turn renews the leases of its run.",
    file: "ledger/sqlite/turn.ts",
    edits: [["    renewLeases(store, work);\n", ""]],
    killedBy: [[LEDGER, "renews the leases of its run"]],
  },
  {
    name: "fresh GET before a person's PATCH",
    guards: "whether it means a create, an update or nothing is decided against a fresh record when its turn comes.",
    file: "runner/person-step.ts",
    edits: [
      [
        `  const base = await freshRecord(
    context,
    targets.map(({ work }) => work),
    "person",
    seen.id,
  );
`,
        "  const base = seen;\n",
      ],
    ],
    killedBy: [
      [
        "integration/runner-persons.test.ts",
        "is computed from the record as it is now: what people added after the look-up stays",
      ],
    ],
  },
  {
    name: "fresh GET before an organization's PATCH",
    guards: "whether it means a create, an update or nothing is decided against a fresh record when its turn comes.",
    file: "runner/organization-step.ts",
    edits: [
      [
        `const base = await freshRecord(context, [work], "organization", record.id);\n  if (!base) return null;\n  const content`,
        "const base = record;\n  const content",
      ],
    ],
    killedBy: [
      ["crash/runner-safeties-hands.test.ts", "keeps what people wrote into an organization after the look-up"],
    ],
  },
  {
    name: "fresh GET before a deal's PATCH",
    guards: "whether it means a create, an update or nothing is decided against a fresh record when its turn comes.",
    file: "runner/deal-step.ts",
    edits: [
      [
        'const base = step.content.amends ? seen : await freshRecord(context, [work], "deal", seen.id);',
        "const base = seen;",
      ],
    ],
    killedBy: [["crash/runner-safeties-hands.test.ts", "keeps what people wrote into a deal after the look-up"]],
  },
];
