/** The embedded engine: every verb of the contract on one SQLite connection. */
import { CrmledgerError } from "../../domain/errors.ts";
import type { RunId } from "../../domain/ids.ts";
import type { AdmitOptions, ArrivingRecords } from "../arriving.ts";
import type { Ledger } from "../ledger.ts";
import type { Now } from "../rows.ts";
import { bindAccount, boundAccount, loadCatalog, saveCatalog } from "./account.ts";
import { accounts, exportRows } from "./accounts-report.ts";
import { Admission } from "./admission.ts";
import { countAgain } from "./again.ts";
import { alertFacts } from "./alert-facts.ts";
import { alerts, leaseAlertMessages, recordAlertMessages, recordAlerts } from "./alerts.ts";
import { holdBack, letGo } from "./backfill.ts";
import { breakers, giveProbeBack, saveBreaker, saveBreakerMemory, takeProbe } from "./breakers.ts";
import { bucketUses } from "./buckets.ts";
import { check, facts, ofDamage } from "./care.ts";
import { lastCheck, openCheck, saveSightings, scopeSize, submissionsIn, unsighted } from "./checks.ts";
import { claim } from "./claim.ts";
import { copyTo, movedCopy } from "./copy.ts";
import { counters } from "./counters.ts";
import { crmChanges, openContents } from "./crm-names.ts";
import { acceptConflict, closeReject, drop, replaceUnplanned, requeue, unplanned } from "./decisions.ts";
import {
  acceptDiscrepancies,
  countDiscrepancies,
  discrepancies,
  finishCheck,
  saveDiscrepancies,
} from "./discrepancies.ts";
import { endWaits } from "./end-waits.ts";
import { extraRecords } from "./extra-records.ts";
import { ledgerError } from "./faults.ts";
import { fieldFindings } from "./findings.ts";
import { findPerson, forget, scrub } from "./forget.ts";
import { deliveredSince, othersWritten } from "./getting-through.ts";
import { groupedWrites } from "./grouped.ts";
import { delays, history, metricFacts, pastHolds, recordHistory, workAhead } from "./history.ts";
import { closeHolds, holds, openHold } from "./holds.ts";
import { identityGroups } from "./identity-groups.ts";
import {
  countReexported,
  fileProgress,
  findKnown,
  findRepeated,
  findSubmissions,
  forgetFile,
  hasSubmissions,
  ingest,
  knownRaw,
} from "./intake.ts";
import { leaseKeys, releaseKeys } from "./leases.ts";
import { makeRoom } from "./log-room.ts";
import { forgetTestRecord, lastMeasurement, saveMeasurement, saveTestRecord, testRecords } from "./measurements.ts";
import { saveSourceShape, sourceDrifts, sourceShape } from "./members.ts";
import { mirrorFind, mirrorSave, mirrorState, mirrorSweep } from "./mirror.ts";
import { moveOf, retire } from "./moved.ts";
import { findOfPerson } from "./of-person.ts";
import { neverSent, ownWrites, stampedSubmissions } from "./own-writes.ts";
import { failed, findByName, findReject, rejects, story } from "./questions.ts";
import { lag, nextDueAtMs, peek, queue } from "./queue.ts";
import { driftedRecords, lostRecords, mislinkedDeals } from "./record-facts.ts";
import { writesTo } from "./record-writes.ts";
import { recover, recoverExpired } from "./recovery.ts";
import { queueRepairs } from "./repairs.ts";
import { closeRun, lastIntake, lastRun, openRun, openRuns, requestTotals } from "./runs.ts";
import { sampled, samples, sendSample, settleSamples } from "./samples.ts";
import { sourceSpending } from "./source-shares.ts";
import type { Store } from "./store.ts";
import { takeOver } from "./takeover.ts";
import { thin } from "./thin.ts";
import { beginTraces, inHandOf, takeArrivals, tracedAs, workOf } from "./traces.ts";
import { turn } from "./turn.ts";
import { openRejects, unfinished } from "./unfinished.ts";
import { closeUntouched } from "./untouched.ts";
import { versions } from "./versions.ts";

/** Each verb is synchronous inside; the promise is the contract's, for engines that are not. */
export function sqliteLedger(store: Store): Ledger {
  let isDamaged = false;
  const verb =
    <Arguments extends unknown[], Result>(work: (store: Store, ...values: Arguments) => Result) =>
    async (...values: Arguments): Promise<Result> => {
      try {
        return work(store, ...values);
      } catch (error) {
        const fault = ofDamage(store, ledgerError(store.path, error));
        isDamaged ||= fault instanceof CrmledgerError && fault.code === "ledgerDamaged";
        throw fault;
      }
    };
  return {
    ...runsAndIntake(verb),
    ...queueAndTurn(verb),
    ...leases(store),
    ...arriving(store, verb),
    ...stateOfTheCrm(verb),
    ...questions(verb),
    ...checksAndRepairs(verb),
    ...whatNeedsAPerson(verb),
    ...traces(verb),
    ...overTime(verb),
    check: verb(check),
    facts: verb(facts),
    copyTo: (file, options) => copyTo(store, file, options),
    movedCopy: verb(movedCopy),
    thin: verb(thin),
    findPerson: verb(findPerson),
    forget: verb(forget),
    scrub: verb(scrub),
    retire: verb(retire),
    move: verb(moveOf),
    close: verb(({ db, path }) => {
      if (isDamaged) closeUntouched(db, path);
      else db.close();
    }),
  };
}

type Verb = <Arguments extends unknown[], Result>(
  work: (store: Store, ...values: Arguments) => Result,
) => (...values: Arguments) => Promise<Result>;

function runsAndIntake(verb: Verb) {
  return {
    openRun: verb(openRun),
    closeRun: verb(closeRun),
    openRuns: verb(openRuns),
    lastRun: verb(lastRun),
    recover: verb(recover),
    recoverExpired: verb(recoverExpired),
    bindAccount: verb(bindAccount),
    account: verb(boundAccount),
    loadCatalog: verb(loadCatalog),
    saveCatalog: verb(saveCatalog),
    ingest: verb(ingest),
    countAgain: verb(countAgain),
    findSubmissions: verb(findSubmissions),
    findKnown: verb(findKnown),
    findRepeated: verb(findRepeated),
    findOfPerson: verb(findOfPerson),
    countReexported: verb(countReexported),
    hasSubmissions: verb(hasSubmissions),
    knownRaw: verb(knownRaw),
    makeRoom: verb(makeRoom),
    holdBack: verb(holdBack),
    letGo: verb(letGo),
    fileProgress: verb(fileProgress),
    forgetFile: verb(forgetFile),
  };
}

/** What is sorted is a connection's own. */
function arriving(store: Store, verb: Verb): Pick<Ledger, "arrive" | "admit"> {
  const admission = new Admission(store);
  return {
    arrive: verb((_, parts: readonly ArrivingRecords[], now: Now) => admission.arrive(parts, now)),
    admit: verb((_, run: RunId, source: string, records: number, options: AdmitOptions, now: Now) =>
      admission.admit(run, source, records, options, now),
    ),
  };
}

/** Hundreds of drivers ask for their keys at the same moment. */
function leases(store: Store): Pick<Ledger, "leaseKeys" | "releaseKeys"> {
  const grouped = groupedWrites(store);
  return {
    leaseKeys: (claim, keys) => grouped(() => leaseKeys(store, claim, keys)),
    releaseKeys: (claim, keys) => grouped(() => releaseKeys(store, claim, keys)),
  };
}

function queueAndTurn(verb: Verb) {
  return {
    claim: verb(claim),
    turn: verb(turn),
    nextDueAtMs: verb(nextDueAtMs),
    queue: verb(queue),
    peek: verb(peek),
  };
}

function stateOfTheCrm(verb: Verb) {
  return {
    openHold: verb(openHold),
    closeHolds: verb(closeHolds),
    holds: verb(holds),
    breakers: verb(breakers),
    saveBreaker: verb(saveBreaker),
    saveBreakerMemory: verb(saveBreakerMemory),
    takeProbe: verb(takeProbe),
    giveProbeBack: verb(giveProbeBack),
    sourceSpending: verb(sourceSpending),
    endWaits: verb(endWaits),
    buckets: verb(bucketUses),
    mirrorFind: verb(mirrorFind),
    mirrorSave: verb(mirrorSave),
    mirrorState: verb(mirrorState),
    mirrorSweep: verb(mirrorSweep),
  };
}

function questions(verb: Verb) {
  return {
    story: verb(story),
    versions: verb(versions),
    findByName: verb(findByName),
    failed: verb(failed),
    requeue: verb(requeue),
    sendSample: verb(sendSample),
    samples: verb(samples),
    sampled: verb(sampled),
    settleSamples: verb(settleSamples),
    drop: verb(drop),
    unplanned: verb(unplanned),
    replaceUnplanned: verb(replaceUnplanned),
    rejects: verb(rejects),
    findReject: verb(findReject),
    closeReject: verb(closeReject),
    acceptConflict: verb(acceptConflict),
    writesTo: verb(writesTo),
    lag: verb(lag),
    requestTotals: verb(requestTotals),
    othersWritten: verb(othersWritten),
    deliveredSince: verb(deliveredSince),
    accounts: verb(accounts),
    exportRows: verb(exportRows),
  };
}

function whatNeedsAPerson(verb: Verb) {
  return {
    fieldFindings: verb(fieldFindings),
    crmChanges: verb(crmChanges),
    saveMeasurement: verb(saveMeasurement),
    lastMeasurement: verb(lastMeasurement),
    testRecords: verb(testRecords),
    saveTestRecord: verb(saveTestRecord),
    forgetTestRecord: verb(forgetTestRecord),
    sourceShape: verb(sourceShape),
    saveSourceShape: verb(saveSourceShape),
    sourceDrifts: verb(sourceDrifts),
    openContents: verb(openContents),
    alertFacts: verb(alertFacts),
    lastIntake: verb(lastIntake),
    alerts: verb(alerts),
    recordAlerts: verb(recordAlerts),
    leaseAlertMessages: verb(leaseAlertMessages),
    recordAlertMessages: verb(recordAlertMessages),
  };
}

function traces(verb: Verb) {
  return {
    beginTraces: verb(beginTraces),
    tracedAs: verb(tracedAs),
    inHandOf: verb(inHandOf),
    workOf: verb(workOf),
    takeArrivals: verb(takeArrivals),
  };
}

function overTime(verb: Verb) {
  return {
    recordHistory: verb(recordHistory),
    history: verb(history),
    counters: verb(counters),
    delays: verb(delays),
    metricFacts: verb(metricFacts),
    workAhead: verb(workAhead),
    pastHolds: verb(pastHolds),
  };
}

function checksAndRepairs(verb: Verb) {
  return {
    openCheck: verb(openCheck),
    lastCheck: verb(lastCheck),
    scopeSize: verb(scopeSize),
    submissionsIn: verb(submissionsIn),
    saveSightings: verb(saveSightings),
    ownWrites: verb(ownWrites),
    stampedSubmissions: verb(stampedSubmissions),
    neverSent: verb(neverSent),
    unsighted: verb(unsighted),
    lostRecords: verb(lostRecords),
    extraRecords: verb(extraRecords),
    driftedRecords: verb(driftedRecords),
    mislinkedDeals: verb(mislinkedDeals),
    unfinished: verb(unfinished),
    openRejects: verb(openRejects),
    identityGroups: verb(identityGroups),
    saveDiscrepancies: verb(saveDiscrepancies),
    finishCheck: verb(finishCheck),
    discrepancies: verb(discrepancies),
    countDiscrepancies: verb(countDiscrepancies),
    acceptDiscrepancies: verb(acceptDiscrepancies),
    queueRepairs: verb(queueRepairs),
    takeOver: verb(takeOver),
  };
}
