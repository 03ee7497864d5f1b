/** The README's models from the network, fetched word for word from a hub on this machine. */
import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../support/copy.ts";
import { encodeGguf } from "../support/gguf-encoding.ts";
import { tinyModel } from "../support/gguf-writer.ts";
import { createModelServer, type ModelServer } from "../support/model-server.ts";
import { createWalker, type Walker } from "../support/walker.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
const sources = [...readme.matchAll(/`(hf:[^`]+)`/g)].map(match => match[1] ?? "");

let user: Walker;
let hub: ModelServer;

beforeAll(async () => {
  const files = sources.map((source, seed) => {
    const content = encodeGguf(tinyModel({ seed, contextLength: 4096 }));
    return [basename(source), Buffer.from(content)] as const;
  });
  hub = await createModelServer({ files: Object.fromEntries(files) });
  user = await createWalker();
});

afterAll(async () => {
  await user[Symbol.asyncDispose]();
  await hub.close();
});

test("each is one line of the stack file away, fetched once and kept by its digest", async () => {
  expect(sources.length).toBe(2);
  for (const [index, source] of sources.entries())
    appendFileSync(
      user.stackFile,
      `    - { name: readme-${index}, source: "${source}", context: 4096, slots: 2 }\n`,
    );
  const { output, code } = await user.run("npm run up", { HF_ENDPOINT: hub.url });
  expect(code, output).toBe(0);
  const reply = await fetch(`${user.main}/api/v1/models`);
  const listed = await reply.text();
  for (const index of sources.keys()) expect(listed).toContain(`readme-${index}`);
  const wanted = [...hub.files.values()].map(
    content => `sha256-${createHash("sha256").update(content).digest("hex")}`,
  );
  const kept = readdirSync(join(user.echoratorHome, "weights", "blobs"));
  expect(kept).toEqual(expect.arrayContaining(wanted));
  const asked = hub.requests.length;
  const again = await user.run("npm run down && npm run up", { HF_ENDPOINT: hub.url });
  expect(again.code, again.output).toBe(0);
  expect(hub.requests.length).toBe(asked);
});
