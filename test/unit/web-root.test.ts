import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { webRootOf } from "../../src/cli/web-root.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-web-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function make(path: string): string {
  mkdirSync(join(folder, path), { recursive: true });
  return join(folder, path);
}

describe("a folder that a web server hands out", () => {
  it.each(["site/public_html/spool", "htdocs/a/b/spool", "wwwroot/spool", "Public/spool", "html"])("%s", (path) => {
    expect(webRootOf(make(path))).not.toBeNull();
  });

  it.each(["/var/www/html/forms/spool", "/srv/http/spool", "/usr/share/nginx/html/spool"])(
    "%s, whether it is there or not",
    (path) => {
      expect(webRootOf(path)).not.toBeNull();
    },
  );

  it.each(["index.php", ".htaccess", "wp-config.php"])("one below a site's %s", (name) => {
    const spool = make("blog/data/spool");
    writeFileSync(join(folder, "blog", name), "");
    expect(webRootOf(spool)).toBe(dirname(dirname(spool)));
  });

  it("one that a link leads to", () => {
    const inside = make("public_html/spool");
    symlinkSync(inside, join(folder, "link"));
    expect(webRootOf(join(folder, "link"))).toBe(dirname(inside));
  });

  it("is no folder beside what is public, nor one of an ordinary name", () => {
    make("site/public_html");
    for (const path of [make("site/spool"), make("publication/spool"), "/var/www/example.com/spool"])
      expect(webRootOf(path), path).toBeNull();
  });
});
