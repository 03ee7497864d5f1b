/** Streams that are read slowly, not at all, or only for a while. */
import { expect, test } from "vitest";
import type { Call } from "../../../engine/api/call.ts";
import { ndjson, stream } from "../../../engine/api/reply.ts";
import { EngineError } from "../../../engine/contract/errors.ts";
import { createLog } from "../../../engine/telemetry/log.ts";

function makeCall() {
  const gone = new AbortController();
  const call: Call = {
    request: new Request("http://localhost/"),
    url: new URL("http://localhost/"),
    params: {},
    requestId: "r",
    caller: {
      principal: { key: "k", tenant: "t", subject: "s", scopes: ["use"] },
      subjectIsFixed: false,
    },
    signal: gone.signal,
    log: createLog({ level: "error", format: "json", clock: { now: () => 0 }, write: () => {} }),
    arrivedMs: 0,
    abandon: () => gone.abort(),
    written: undefined,
  };
  return call;
}

const options = { contentType: ndjson, renderError: (error: EngineError) => `${error.code}\n` };

test("no more is made than is read", async () => {
  let made = 0;
  async function* texts() {
    for (;;) yield `${made++}\n`;
  }
  const reader = stream(makeCall(), texts(), options).body!.getReader();
  for (let index = 0; index < 5; index++) await reader.read();
  await new Promise(resolve => setImmediate(resolve));
  expect(made).toBeLessThanOrEqual(7);
  await reader.cancel();
});

test("who stops reading has gone: the source ends and the call is over", async () => {
  const call = makeCall();
  let ended = false;
  async function* texts() {
    try {
      for (;;) yield "x\n";
    } finally {
      ended = true;
    }
  }
  const reader = stream(call, texts(), options).body!.getReader();
  await reader.read();
  await reader.cancel();
  await call.written;
  expect([ended, call.signal.aborted]).toEqual([true, true]);
});

test("an error is the last thing written", async () => {
  async function* texts() {
    yield "first\n";
    throw new EngineError("model_crashed", "gone");
  }
  const call = makeCall();
  expect(await stream(call, texts(), options).text()).toBe("first\nmodel_crashed\n");
  await call.written;
});

test("a defect of ours does not tell its inside", async () => {
  async function* texts(): AsyncGenerator<string> {
    yield "first\n";
    throw new TypeError("secret");
  }
  expect(await stream(makeCall(), texts(), options).text()).toBe("first\ninternal\n");
});
