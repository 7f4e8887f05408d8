import { describe, expect, it } from "vitest";
import { readMapValue } from "../../src/intake/constants.ts";

describe("constants of a map's value", () => {
  it.each([
    ["= 'Sales'", ["Sales"], false],
    ['= vip ? "Key accounts" : "Sales"', ["Key accounts", "Sales"], false],
    ["= ($x := 1; $x = 1 ? 'One')", ["One"], false],
    ["= ['Web', 'Hot']", ["Web", "Hot"], false],
    ["= vip ? 'Key accounts' : fields.team", ["Key accounts"], true],
    ["= 'Website: ' & fields.product", [], true],
    ["fields.pipeline", [], true],
    ["'Sales'", [], true],
    ["= 'unfinished", [], true],
  ])("%s", async (text, constants, open) => {
    expect(await readMapValue(text)).toEqual({ constants, open });
  });
});
