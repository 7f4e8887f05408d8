/** `$time` with a picture: offsets as tools write them. */
import { expect, it } from "vitest";
import { compileMapping } from "../../src/intake/mapping.ts";
import { sourceOf } from "../support/ingest-rig.ts";

const GOOGLE = "[Y]/[M]/[D] [h]:[m]:[s] [P] [z0]";

async function instantOf(text: string, picture: string, timezone = "UTC"): Promise<string | null> {
  const map = { "person.email": "mail", submittedAt: `= $time(text, '${picture}')` };
  const mapping = await compileMapping(sourceOf({ map, timezone }), () => null);
  const mapped = await mapping.map({ mail: "a@example.com", text }, false);
  if (mapped.type !== "submission" || mapped.submittedAtMs === null) return null;
  return new Date(mapped.submittedAtMs).toISOString();
}

it.each([
  ["2026/11/20 11:15:02 AM GMT+1", "2026-11-20T10:15:02.000Z"],
  ["2026/11/20 12:15:02 AM GMT-10", "2026-11-20T10:15:02.000Z"],
  ["2026/11/20 10:15:02 AM GMT", "2026-11-20T10:15:02.000Z"],
  ["2026/11/20 3:45:02 PM GMT+5:30", "2026-11-20T10:15:02.000Z"],
  ["2026/11/20 3:45:02 PM GMT+05:30", "2026-11-20T10:15:02.000Z"],
  ["2026/11/20 10:15:02 AM UTC", null],
  ["2026/11/20 10:15:02 AM", null],
])("reads %s, as Google Forms writes it, as %s", async (text, instant) => {
  expect(await instantOf(text, GOOGLE, "Europe/Berlin")).toBe(instant);
});

it("takes the source's zone where the picture has none", async () => {
  expect(await instantOf("11/20/2026 11:15:02", "[M]/[D]/[Y] [H]:[m]:[s]", "Europe/Berlin")).toBe(
    "2026-11-20T10:15:02.000Z",
  );
  expect(await instantOf("20.11.2026 11:15 +0100", "[D].[M].[Y] [H]:[m] [Z0000]")).toBe("2026-11-20T10:15:00.000Z");
});
