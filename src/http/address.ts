/** Which resolved addresses a request may go to: a public host name must not lead into the private network. */
import { BlockList, isIP } from "node:net";

const PRIVATE_V4: readonly [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
];
const PRIVATE_V6: readonly [string, number][] = [
  ["::", 128],
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

/** Tells whether an IP address is loopback, link-local, private, shared or multicast (IANA special-purpose registries, RFC 6890). */
export function createPrivateAddressTest(): (address: string) => boolean {
  const blocked = new BlockList();
  for (const [net, bits] of PRIVATE_V4) {
    blocked.addSubnet(net, bits, "ipv4");
    // The same networks as IPv4-mapped and NAT64 addresses, which some systems route back to IPv4.
    blocked.addSubnet(`::ffff:${net}`, 96 + bits, "ipv6");
    blocked.addSubnet(`64:ff9b::${net}`, 96 + bits, "ipv6");
  }
  for (const [net, bits] of PRIVATE_V6) blocked.addSubnet(net, bits, "ipv6");
  return (address) => {
    const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
    const family = isIP(bare);
    return family !== 0 && blocked.check(bare, family === 6 ? "ipv6" : "ipv4");
  };
}
