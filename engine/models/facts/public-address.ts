/** Which addresses are of the public internet: a source that a stranger may name must lead nowhere else. */
import { BlockList, isIP } from "node:net";

/** Of IANA's special-purpose registry, and the one metadata address that clouds put among the public ones. */
const closed4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;

/** Inside of 2000::/3, the one public block: documentation, benchmarks, and what carries an IPv4 address within. */
const closed6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
] as const;

const closed = new BlockList();
for (const [network, prefix] of closed4) closed.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of closed6) closed.addSubnet(network, prefix, "ipv6");
const open6 = new BlockList();
open6.addSubnet("2000::", 3, "ipv6");

/** Whether an address, as a resolver gives it, is one of the public internet; whatever is no address is not. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !closed.check(address, "ipv4");
  if (family !== 6 || address.includes("%")) return false;
  const inner = toTranslated(address);
  if (inner !== undefined) return isPublicAddress(inner);
  return open6.check(address, "ipv6") && !closed.check(address, "ipv6");
}

/** The IPv4 address that ::ffff:0:0/96 (mapped) or 64:ff9b::/96 (NAT64) stands for. */
function toTranslated(address: string): string | undefined {
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^(?:::ffff|64:ff9b:):([0-9a-f]+):([0-9a-f]+)$/.exec(plain) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const bytes = [high, low].flatMap(group => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 255];
  });
  return bytes.join(".");
}
