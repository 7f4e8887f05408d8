import { describe, expect, it } from "vitest";
import { createPrivateAddressTest } from "../../src/http/address.ts";
import { checkBaseUrl } from "../../src/http/base-url.ts";

const SUFFIXES = [".pipedrive.com"];
const ALLOWED = ["crm.proxy.example.com", "gateway.example.com:8443", "10.0.0.5"];

const GOOD = [
  "https://api.pipedrive.com",
  "https://acme.pipedrive.com",
  "https://acme.pipedrive.com/",
  "https://ACME.Pipedrive.COM",
  "https://acme.pipedrive.com:443",
  "https://acme-eu.sub.pipedrive.com",
  "https://crm.proxy.example.com",
  "https://crm.proxy.example.com/pipedrive",
  "https://gateway.example.com:8443",
  "https://10.0.0.5",
  "http://localhost:8080",
  "http://127.0.0.1:8080",
  "http://127.8.9.10",
  "http://[::1]:3000",
  "http://0x7f.1:80",
  "http://2130706433",
  "http://localhost:8080/pipedrive",
];

const BAD: [string, RegExp][] = [
  ["", /not a URL/],
  ["acme", /not a URL/],
  ["acme.pipedrive.com", /not a URL/],
  ["ftp://acme.pipedrive.com", /https/],
  ["file:///etc/passwd", /https/],
  ["javascript:alert(1)", /https/],
  ["http://acme.pipedrive.com", /plain http/],
  ["http://crm.proxy.example.com", /plain http/],
  ["http://localhost.example.com", /plain http/],
  ["http://127.0.0.1.example.com", /plain http/],
  ["http://0.0.0.0", /plain http/],
  ["http://[::ffff:127.0.0.1]", /plain http/],
  ["http://169.254.169.254", /plain http/],
  ["https://localhost", /not one of the vendor's hosts/],
  ["https://pipedrive.com", /not one of the vendor's hosts/],
  ["https://.pipedrive.com", /not one of the vendor's hosts|not a URL/],
  ["https://evilpipedrive.com", /not one of the vendor's hosts/],
  ["https://acme.pipedrive.com.example.com", /not one of the vendor's hosts/],
  ["https://acme.pipedrive.com.", /not one of the vendor's hosts/],
  ["https://example.com/.pipedrive.com", /not one of the vendor's hosts/],
  ["https://192.168.0.1", /not one of the vendor's hosts/],
  ["https://gateway.example.com", /not one of the vendor's hosts/],
  ["https://sub.crm.proxy.example.com", /not one of the vendor's hosts/],
  ["https://user@acme.pipedrive.com", /user name or password/],
  ["https://user:pass@acme.pipedrive.com", /user name or password/],
  ["https://@acme.pipedrive.com", /user name or password/],
  ["https://acme.pipedrive.com@evil.example.com", /user name or password/],
  ["https://acme.pipedrive.com?x=1", /"\?"/],
  ["https://acme.pipedrive.com/?", /"\?"/],
  ["https://acme.pipedrive.com#frag", /"#"/],
  ["https://acme.pipedrive.com/api/v2", /no path/],
  ["https://evil.example.com\\.pipedrive.com", /spaces or control/],
  ["https://acme.pipe\tdrive.com", /spaces or control/],
  [" https://acme.pipedrive.com", /spaces or control/],
  ["https://acme.pipedrive.com\n", /spaces or control/],
];

describe("crm.baseUrl", () => {
  it.each(GOOD)("takes %s", (text) => {
    expect(checkBaseUrl(text, SUFFIXES, ALLOWED)).toBeInstanceOf(URL);
  });

  it.each(BAD)("refuses %j", (text, why) => {
    expect(() => checkBaseUrl(text, SUFFIXES, ALLOWED)).toThrow(
      expect.objectContaining({ code: "configInvalid", message: expect.stringMatching(why) }),
    );
  });

  it("never repeats a password in its message", () => {
    expect(() => checkBaseUrl("https://user:hunter22@acme.pipedrive.com", SUFFIXES, [])).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter22") }),
    );
  });
});

describe("private addresses", () => {
  const isPrivate = createPrivateAddressTest();
  const inside =
    "127.0.0.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: fe80::1 fd00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 [::1] fe80::1%eth0";
  const outside =
    "8.8.8.8 172.32.0.1 172.15.255.255 192.167.1.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 acme.pipedrive.com";
  it.each(inside.split(" "))("%s is one", (address) => expect(isPrivate(address)).toBe(true));
  it.each(outside.split(" "))("%s is none", (address) => expect(isPrivate(address)).toBe(false));
});
