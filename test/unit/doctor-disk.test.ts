import { describe, expect, it } from "vitest";
import { diskFinding } from "../../src/cli/doctor-disk.ts";

const ROOMY = { type: 61_267, freeBytes: 5_000_000_000, inodes: 1_000_000, freeInodes: 900_000 };

describe("room on a disk", () => {
  it.each([
    [{}, "ok", 0, "5,000 MB free"],
    [{ freeBytes: 150_000_000 }, "warn", 0, "only 150 MB free"],
    [{ freeBytes: 2_000_000 }, "fail", 74, "only 2 MB free"],
    [{ freeInodes: 12 }, "warn", 0, "only 12 inodes free"],
    // btrfs and others make inodes as they need them.
    [{ inodes: 0, freeInodes: 0 }, "ok", 0, "free"],
  ])("%j is %s", (over, status, exitCode, message) => {
    const finding = diskFinding("ledger, spool website", { ...ROOMY, ...over });
    expect(finding).toMatchObject({ status, exitCode, message: expect.stringContaining(message) });
    expect(finding.message).toContain("ledger, spool website");
    expect(finding.fix === null).toBe(status === "ok");
  });
});
