import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IngestRig, openIngestRig } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const map = { id: "id", "person.email": "mail", "person.name": "name" };

const multipart = (name: Uint8Array, extra = Buffer.alloc(0)): Buffer =>
  Buffer.concat([
    Buffer.from('--xYz\r\nContent-Disposition: form-data; name="mail"\r\n\r\na@example.com\r\n'),
    Buffer.from('--xYz\r\nContent-Disposition: form-data; name="name"\r\n\r\n'),
    name,
    extra,
    Buffer.from("\r\n--xYz--\r\n"),
  ]);

describe("a form of a page that is no UTF-8", () => {
  const posts: [string, string | Buffer, string][] = [
    ["url-encoded Windows-1252", "id=1&mail=a%40example.com&name=J%FCrgen+%80+%93q%94", "Jürgen € “q”"],
    ["url-encoded UTF-8", "id=1&mail=a%40example.com&name=J%C3%BCrgen+%E2%82%AC+100%25", "Jürgen € 100%"],
    ["a lone per cent sign", "id=1&mail=a%40example.com&name=100%+%zz", "100% %zz"],
    ["multipart Windows-1252", multipart(Buffer.from("J\xfcrgen \x80", "latin1")), "Jürgen €"],
    ["multipart UTF-8", multipart(Buffer.from("Jürgen €")), "Jürgen €"],
  ];
  it.each(posts)("%s keeps its letters", async (what, post, name) => {
    rig.put("a.form", post);
    const { warnings } = await rig.ingest({ map });
    const [taken] = await rig.queued();
    expect(taken?.content?.person?.name).toBe(name);
    expect(warnings.some((text) => text.includes("Windows-1252"))).toBe(what.includes("1252"));
  });

  it("an uploaded picture is no reason to doubt the letters", async () => {
    const upload = Buffer.concat([
      Buffer.from('\r\n--xYz\r\nContent-Disposition: form-data; name="plan"; filename="Müller.png"\r\n'),
      Buffer.from("Content-Type: image/png\r\n\r\n"),
      Buffer.from([0x89, 0x50, 0xff, 0xfe, 0x00]),
    ]);
    rig.put("a.form", multipart(Buffer.from("Jürgen"), upload));
    const { warnings } = await rig.ingest({ map: { ...map, notes: "plan" } });
    expect((await rig.queued())[0]?.content).toMatchObject({ person: { name: "Jürgen" }, notes: ["Müller.png"] });
    expect(warnings).toEqual([expect.stringContaining("uploaded files")]);
  });
});
