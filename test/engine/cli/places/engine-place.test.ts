/** One engine as a place for models. */
import { createEngineClient } from "../../../../engine/cli/engine-client.ts";
import { createEnginePlace } from "../../../../engine/cli/places/engine-place.ts";
import { describePlace } from "../../../conformance/place.ts";
import { startTestEngine } from "../../../support/engine.ts";
import { sendTo } from "../../../support/engine-send.ts";

describePlace("an engine", async () => {
  const engine = await startTestEngine();
  const client = createEngineClient("the engine", sendTo(engine), engine.adminKey);
  const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));
  return {
    place: createEnginePlace({ client, sleep }),
    spec: name => ({ name, source: `file://${engine.weights}` }),
    end: () => engine.stop(),
  };
});
