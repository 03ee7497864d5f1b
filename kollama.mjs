#!/usr/bin/env node
// kollama of this checkout, from any folder; where this Node is older than 24, by the one that came with `npm ci`.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const entry = "engine/cli/main.ts";
const [major] = process.versions.node.split(".").map(Number);
const own = fileURLToPath(new URL("node_modules/.bin/node", import.meta.url));
if (major < 24 && existsSync(own)) {
  const launch = fileURLToPath(new URL("launch.mjs", import.meta.url));
  const args = [launch, entry, ...process.argv.slice(2)];
  const child = spawn(own, args, { stdio: "inherit" });
  // Ctrl-C reaches both; the child decides when it is over.
  process.on("SIGINT", () => {});
  child.on("close", code => process.exit(code ?? 1));
} else {
  process.argv.splice(2, 0, entry);
  await import("./launch.mjs");
}
