/** `overwrite` keeps to the order of what was submitted, and to what people changed since. */
import { describe, expect, it } from "vitest";
import { lead } from "../support/drain-rig.ts";
import { watchedRig, withPlan } from "../support/watched-rig.ts";

const EMAIL = "ada@example.com";

async function overwritingRig() {
  const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
  const city = rig.simulator.addField("person", "City").field_code;
  const emails = [{ value: EMAIL, primary: true, label: "work" }];
  const { id } = rig.simulator.addPerson({ name: "Ada Lovelace", emails });
  const at = rig.clock.wallMs();
  let number = 0;
  const submit = async (City: string, submittedAtMs: number) => {
    number += 1;
    const content = lead(number, { person: { email: EMAIL, fields: { City } } });
    await rig.take([{ ...content, submittedAtMs }]);
    await rig.run();
  };
  const cityNow = () => rig.simulator.records.persons.find((each) => each.id === id)!.custom_fields[city];
  const edit = (value: string) => rig.simulator.editPerson(id, { custom_fields: { [city]: value } });
  return { rig, at, submit, cityNow, edit };
}

describe("overwrite", () => {
  it("never replaces what a submission with a later time wrote, whenever the older one comes in", async () => {
    const { at, submit, cityNow } = await overwritingRig();
    await submit("Newer", at);
    await submit("Older", at - 3_600_000);
    expect(cityNow()).toBe("Newer");
  });

  it("never replaces what a person changed after the submission", async () => {
    const { rig, at, submit, cityNow, edit } = await overwritingRig();
    await submit("Ours", at);
    await rig.clock.advance(120_000);
    edit("Theirs");
    await rig.clock.advance(1_000);
    await submit("Late", at + 60_000);
    expect(cityNow()).toBe("Theirs");
  });

  it("replaces what people wrote before the submission, and what an older one wrote", async () => {
    const { rig, at, submit, cityNow, edit } = await overwritingRig();
    edit("Before");
    await rig.clock.advance(60_000);
    await submit("First", at + 60_000);
    expect(cityNow()).toBe("First");
    await rig.clock.advance(60_000);
    await submit("Second", at + 120_000);
    expect(cityNow()).toBe("Second");
  });

  it("replaces our own older value though it was written after this one was submitted", async () => {
    const { rig, at, submit, cityNow } = await overwritingRig();
    await rig.clock.advance(300_000);
    await submit("First", at);
    await submit("Second", at + 1_000);
    expect(cityNow()).toBe("Second");
  });

  it("fills what is empty, however late it comes", async () => {
    const { rig, at, submit, cityNow } = await overwritingRig();
    await rig.clock.advance(300_000);
    await submit("Filled", at - 86_400_000);
    expect(cityNow()).toBe("Filled");
  });

  it("takes the later one's value for a person whose first create was lost, though the older one comes second then", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    const at = rig.clock.wallMs();
    const older = lead(1, {
      person: { name: "Ada Byron", email: EMAIL },
      organization: { name: "Analytical Engines" },
    });
    await rig.take([{ ...older, submittedAtMs: at }]);
    rig.simulator.failNext({ kind: "resetBefore", match: { method: "POST", path: /organizations$/ } });
    await rig.run();
    await rig.take([{ ...lead(2, { person: { name: "Ada Lovelace", email: EMAIL } }), submittedAtMs: at + 1_000 }]);
    await rig.clock.advance(61_000);
    rig.simulator.failNext({ kind: "resetBefore", match: { method: "POST", path: /persons$/ } });
    await rig.run();
    expect(rig.simulator.records.persons).toEqual([]);
    await rig.runOut();
    expect(rig.simulator.records.persons.map(({ name }) => name)).toEqual(["Ada Lovelace"]);
  });

  it("replaces the value of a person who was made for several submissions at once", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    const at = rig.clock.wallMs();
    const named = (number: number, name: string) => ({
      ...lead(number, { person: { name, email: EMAIL } }),
      submittedAtMs: at + number * 1_000,
    });
    await rig.clock.advance(600_000);
    await rig.take([named(1, "Ada Byron"), named(2, "Ada King")]);
    await rig.run();
    await rig.take([named(3, "Ada Lovelace")]);
    await rig.run();
    expect(rig.simulator.records.persons.map(({ name }) => name)).toEqual(["Ada Lovelace"]);
  });

  it("is not kept from a value by an older submission that came late and had to leave it alone", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    rig.simulator.addField("person", "City");
    const at = rig.clock.wallMs();
    const named = (minute: number, name: string, fields: Record<string, unknown> = {}) => ({
      ...lead(minute, { person: { name, email: EMAIL, fields } }),
      submittedAtMs: at + minute * 60_000,
    });
    await rig.clock.advance(600_000);
    for (const one of [named(2, "Ada King"), named(1, "Ada Byron", { City: "London" }), named(3, "Ada Lovelace")]) {
      await rig.take([one]);
      await rig.run();
    }
    expect(rig.simulator.records.persons.map(({ name }) => name)).toEqual(["Ada Lovelace"]);
  });

  it("replaces our own value although the clock was set back between our writes", async () => {
    const { rig, at, submit, cityNow } = await overwritingRig();
    await rig.clock.advance(600_000);
    await submit("First", at);
    rig.clock.jumpWall(-7_200_000);
    await submit("Second", at + 1_000);
    await submit("Third", at + 2_000);
    expect(cityNow()).toBe("Third");
  });

  it("is written again where the answer for two was lost, though one of them had nothing to write", async () => {
    const rig = await watchedRig({ settings: withPlan({ persons: { onMatch: "overwrite" } }) });
    const at = rig.clock.wallMs();
    const named = (minute: number, name: string) => ({
      ...lead(minute, { person: { name, email: EMAIL } }),
      submittedAtMs: at + minute * 60_000,
    });
    await rig.clock.advance(600_000);
    await rig.take([named(2, "Ada King")]);
    await rig.run();
    await rig.take([named(1, "Ada Byron"), named(3, "Ada Lovelace")]);
    rig.simulator.failNext({ kind: "resetBefore", match: { method: "PATCH", path: /persons/ } });
    await rig.run();
    await rig.runOut();
    expect(rig.simulator.records.persons.map(({ name }) => name)).toEqual(["Ada Lovelace"]);
  });
});
