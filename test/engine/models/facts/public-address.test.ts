/** Every way of writing an address that is not public, as a URL and as a resolver would give it. */
import { expect, test } from "vitest";
import { isPublicAddress } from "../../../../engine/models/facts/public-address.ts";

/** Hosts as someone might write them; `URL` turns each into an address. */
const hidden = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "017700000001",
  "0177.0.0.1",
  "0",
  "0.0.0.0",
  "0x0",
  "10.0.0.1",
  "10.255.255.255",
  "167772161",
  "0xa.0.0.1",
  "100.64.0.1",
  "100.100.100.200",
  "100.127.255.254",
  "168.63.129.16",
  "169.254.169.254",
  "169.254.170.2",
  "2852039166",
  "0xa9fea9fe",
  "0xA9.0xFE.0xA9.0xFE",
  "0251.0376.0251.0376",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.192",
  "192.0.2.1",
  "192.168.1.1",
  "3232235777",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.7",
  "203.0.113.7",
  "224.0.0.1",
  "239.255.255.255",
  "240.0.0.1",
  "255.255.255.255",
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::127.0.0.1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[0:0:0:0:0:ffff:10.0.0.1]",
  "[::ffff:169.254.169.254]",
  "[::ffff:a9fe:a9fe]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b::a9fe:a9fe]",
  "[64:ff9b:1::1]",
  "[100::1]",
  "[2001::1]",
  "[2001:db8::1]",
  "[2002:7f00:1::]",
  "[2002:a9fe:a9fe::]",
  "[3fff::1]",
  "[5f00::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fd20:ce::254]",
  "[fe80::1]",
  "[febf::1]",
  "[fec0::1]",
  "[ff02::1]",
  "①②⑦.0.0.1",
];

const open = [
  "1.1.1.1",
  "8.8.8.8",
  "134744072",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.0.1",
  "172.32.0.1",
  "192.167.1.1",
  "223.255.255.255",
  "[2606:4700:4700::1111]",
  "[2a00:1450:4001:80b::200e]",
  "[::ffff:8.8.8.8]",
  "[64:ff9b::8.8.8.8]",
];

function toAddress(host: string): string {
  return new URL(`http://${host}/`).hostname.replace(/^\[|\]$/g, "");
}

test.each(hidden)("%s is not of the public internet", host => {
  expect(isPublicAddress(toAddress(host))).toBe(false);
});

test.each(open)("%s is of the public internet", host => {
  expect(isPublicAddress(toAddress(host))).toBe(true);
});

test.each([
  "::ffff:127.0.0.1",
  "::ffff:10.1.2.3",
  "fe80::1%eth0",
  "2606:4700::1%eth0",
  "localhost",
  "",
])("%s, as a resolver could give it, is not either", address => {
  expect(isPublicAddress(address)).toBe(false);
});
