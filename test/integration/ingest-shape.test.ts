import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SourceSettings } from "../../src/domain/settings.ts";
import type { Layout } from "../../src/ledger/members.ts";
import { HOUR_MS, type IngestRig, openIngestRig } from "../support/ingest-rig.ts";

let rig: IngestRig;
let made = 0;

beforeEach(async () => {
  rig = await openIngestRig();
  made = 0;
});

afterEach(() => rig.close());

const MAP = {
  id: "id",
  "person.email": "email",
  "person.phone": "contact.phone",
  "deal.title": "= answers[ref='topic'].text",
};
const SOURCE: Partial<SourceSettings> = { map: MAP };

type Make = (id: string) => Record<string, unknown>;

const usual: Make = (id) => ({
  id,
  email: `${id}@example.com`,
  contact: { phone: "+3725551234", city: "Tartu" },
  answers: [{ ref: "topic", text: "Engines" }],
  score: 7,
});

/** Takes records in, one document each, and gives what ingest says of the source's shape. */
async function take(count: number, make: Make = usual, changes = SOURCE): Promise<string[]> {
  for (let index = 0; index < count; index += 1) {
    made += 1;
    rig.put(`${String(made).padStart(4, "0")}.json`, JSON.stringify(make(`r${made}`)));
  }
  const { warnings } = await rig.ingest(changes);
  return warnings.filter((text) => text.startsWith("source website: "));
}

const drifts = async () => (await rig.ledger.sourceDrifts(0)).map(({ path, drift }) => `${path} ${drift}`);
const shape = (layout: Layout = "tree") => rig.ledger.sourceShape("website", layout);

const without: Make = (id) => ({ ...usual(id), contact: { city: "Tartu" } });

describe("the shape of a source's records", () => {
  it("is learned by path, type and count, with an example's key and never a value", async () => {
    await take(3);
    const { records, members } = await shape();
    expect(records).toBe(3);
    expect(
      members.map(({ path, type, count, mapped, lastKey }) => `${path} ${type} ${count} ${mapped} ${lastKey}`),
    ).toEqual([
      "answers list 3 true r3",
      "answers[] object 3 true r3",
      "answers[].ref text 3 true r3",
      "answers[].text text 3 true r3",
      "contact object 3 true r3",
      "contact.city text 3 false r3",
      "contact.phone text 3 true r3",
      "email text 3 true r3",
      "id text 3 true r3",
      "score number 3 false r3",
    ]);
    expect(JSON.stringify(members)).not.toMatch(/Tartu|Engines|example\.com/);
  });

  it("tells once of a member that was in nearly all and is in none of the last five, until it is back", async () => {
    expect(await take(20)).toEqual([]);
    expect(await take(4, without)).toEqual([]);
    expect(await take(1, without)).toEqual([
      "source website: contact.phone was in nearly all records (20, e.g. website/r20) and is missing or empty in the last 5; the map reads it",
    ]);
    expect(await take(2, without)).toEqual([]);
    expect(await drifts()).toEqual(["contact.phone vanished"]);
    expect(await take(1)).toEqual([]);
    expect(await drifts()).toEqual([]);
    expect(await take(5, without)).toEqual([]);
  });

  it("takes a blank for a missing one, and what is above for what is below it", async () => {
    await take(25);
    expect(await take(5, (id) => ({ ...usual(id), contact: null, score: " " }))).toEqual([
      expect.stringMatching(/: contact was in nearly all/),
      expect.stringMatching(/: score was in nearly all.* 5$/),
    ]);
  });

  it("knows nothing of less than twenty records, nor of a member that many do without", async () => {
    await take(19);
    expect(await take(10, without)).toEqual([]);
    await rig.close();
    rig = await openIngestRig();
    for (let round = 0; round < 12; round += 1) {
      await take(9);
      await take(1, without);
    }
    expect(await take(10, without)).toEqual([]);
  });

  it("counts records that are refused too: without its e-mail no record gets in, and that is how it looks", async () => {
    const noPhone = (id: string) => ({ id, email: `${id}@example.com` });
    await take(20, noPhone);
    expect(await take(5, (id) => ({ id, mail: `${id}@example.com` }))).toEqual([
      expect.stringContaining("email was in nearly all records (20, e.g. website/r20)"),
      "source website: mail is new (5 records) and no line of the map reads it",
    ]);
  });

  it("tells of another type, once it has lasted", async () => {
    await take(20);
    const worded: Make = (id) => ({ ...usual(id), score: "seven" });
    expect(await take(4, worded)).toEqual([]);
    expect(await take(1, worded)).toEqual([
      "source website: score was number and is text in the last 5 records that have it, such as website/r25",
    ]);
    expect(await take(1)).toEqual([]);
    expect(await drifts()).toEqual([]);
  });

  it("tells of a new member that nothing reads: no path, no expression, no line of the note", async () => {
    await take(20);
    const more: Make = (id) => ({
      ...usual(id),
      answers: [{ ref: "topic", text: "Engines", lang: "en" }],
      utm: { source: "ads" },
      contact: { phone: "+3725551234", city: "Tartu", zip: "50090" },
    });
    expect(await take(2, more)).toEqual([]);
    expect(await take(1, more)).toEqual([
      "source website: answers[].lang is new (3 records, e.g. website/r23) and no line of the map reads it",
      "source website: contact.zip is new (3 records, e.g. website/r23) and no line of the map reads it",
      "source website: utm.source is new (3 records, e.g. website/r23) and no line of the map reads it",
    ]);
    expect(await take(1, more)).toEqual([]);
    expect(
      await take(1, more, {
        map: { ...MAP, "person.fields.Zip": "contact.zip", "deal.fields.Lang": "= answers[0].lang" },
        restToNote: "utm",
      }),
    ).toEqual([]);
    expect(await drifts()).toEqual([]);
  });

  it("ends with time: then it is how the source is", async () => {
    await take(20);
    await take(5, without);
    rig.time.nowMs += 15 * 24 * HOUR_MS;
    expect(await take(1, without)).toEqual([]);
    expect(await drifts()).toEqual([]);
    expect(await take(5, without)).toEqual([]);
    expect(await drifts()).toEqual([]);
  });

  it("keeps columns of a CSV apart from documents, and names that look like data under a star", async () => {
    const row = (id: number) => `c${id},c${id}@example.com,Ada`;
    const rows = Array.from({ length: 30 }, (_, index) => row(index));
    const flat = { map: { id: "id", "person.email": "email" } };
    rig.put("a.csv", ["id,email,first name", ...rows].join("\n"), 48 * HOUR_MS);
    await take(3, usual, flat);
    const found = await rig.ingest(flat);
    expect(found.warnings.filter((text) => text.includes("nearly all"))).toEqual([]);
    expect((await shape("flat")).members.map(({ path, count, mapped }) => `${path} ${count} ${mapped}`)).toEqual([
      "`first name` 30 false",
      "email 30 true",
      "id 30 true",
    ]);
    const byAddress: Make = (id) => ({ ...usual(id), votes: { [`${id}@example.com`]: 1 } });
    await take(3, byAddress);
    expect((await shape()).members.find(({ path }) => path.startsWith("votes."))).toMatchObject({
      path: "votes.*",
      count: 3,
    });
  });

  it("is not watched where records make up names of their own, which is told once", async () => {
    const free: Make = (id) => Object.fromEntries([["id", id], ["email", `${id}@example.com`], ...names(id)]);
    const names = (id: string) => Array.from({ length: 60 }, (_, index) => [`answer ${id} ${index}`, "x"]);
    const told = await take(10, free);
    expect(told).toEqual([
      "source website: its records have more different members than are watched; changes of their shape are not told",
    ]);
    expect(await take(5, free)).toEqual([]);
    expect((await shape()).members.length).toBeLessThanOrEqual(501);
    expect((await shape()).records).toBeLessThan(10);
  });

  it("does not learn from what it has seen before, from imports and from dry runs", async () => {
    await take(3);
    rig.put("again.json", JSON.stringify(usual("r1")));
    await rig.ingest(SOURCE);
    const file = rig.put("../missed.json", JSON.stringify([usual("x1")]));
    await rig.import(file, SOURCE);
    expect((await shape()).records).toBe(3);
  });
});
