import { describe, expect, it } from "vitest";
import type { StepContent } from "../../src/domain/chain.ts";
import { groupByPerson } from "../../src/planner/same-person.ts";

const who = (keys: string, email?: string): StepContent => ({
  values: email === undefined ? {} : { emails: [email] },
  onMatch: "fillEmpty",
  matchKeys: [...(email === undefined ? [] : [`email:${email}`]), ...keys.split(" ").filter((key) => key !== "")],
});

describe("submissions that share keys", () => {
  it("are one person with the same e-mail, and with the same phone where one has no e-mail", () => {
    expect(groupByPerson([who("phone:1", "a@example.com"), who("phone:2", "a@example.com")])).toEqual([[0, 1]]);
    expect(groupByPerson([who("phone:1"), who("phone:1", "a@example.com")])).toEqual([[0, 1]]);
    expect(groupByPerson([who("phone:1", "a@example.com"), who("phone:1")])).toEqual([[0, 1]]);
  });

  it("are two persons with one phone and two e-mails, whoever called without one", () => {
    const [a, b] = [who("phone:1", "a@example.com"), who("phone:1", "b@example.com")];
    expect(groupByPerson([a, b])).toEqual([[0], [1]]);
    expect(groupByPerson([a, who("phone:1"), b])).toEqual([[0, 1], [2]]);
    expect(groupByPerson([who("phone:1"), a, b])).toEqual([[0, 1], [2]]);
  });

  it("are one person with the same match field, whatever the e-mail", () => {
    expect(groupByPerson([who("field:No:7", "a@example.com"), who("field:No:7", "b@example.com")])).toEqual([[0, 1]]);
  });

  it("follow their first key that anybody carries, in the order of `match`", () => {
    const contents = [who("phone:1"), who("", "b@example.com"), who("phone:1", "b@example.com")];
    expect(groupByPerson(contents)).toEqual([[0], [1, 2]]);
  });

  it("that have nothing to be known by are each their own", () => {
    expect(groupByPerson([who(""), who("")])).toEqual([[0], [1]]);
  });
});
