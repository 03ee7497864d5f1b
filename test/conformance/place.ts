/** What every Place promises to the verbs of kollama. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Place } from "../../engine/cli/place.ts";
import { ModelSpec, type ModelSpecInput } from "../../engine/contract/model.ts";

export interface PlaceUnderTest {
  place: Place;
  /** A spec that can be deployed there. */
  spec(name: string): ModelSpecInput;
  end(): Promise<void>;
}

export function describePlace(title: string, open: () => Promise<PlaceUnderTest>): void {
  describe(title, () => {
    let given: PlaceUnderTest;
    beforeAll(async () => {
      given = await open();
    });
    afterAll(async () => {
      given.place.close();
      await given.end();
    });
    const spec = (name: string) => ModelSpec.parse(given.spec(name));
    const names = async () => (await given.place.models()).map(model => model.name);

    test("a deployed model is listed and described with its spec", async () => {
      await given.place.deploy(spec("first"));
      expect(await names()).toContain("first");
      const detail = await given.place.model("first");
      expect(detail).toMatchObject({ name: "first", source: spec("first").source });
      expect(detail.spec).toEqual(spec("first"));
    });

    test("deploying again changes nothing, another spec changes it", async () => {
      await given.place.deploy(spec("first"));
      expect((await names()).filter(name => name === "first")).toHaveLength(1);
      await given.place.deploy({ ...spec("first"), slots: 2 });
      expect((await given.place.model("first")).spec.slots).toBe(2);
    });

    test("models are listed in the order of their names", async () => {
      await given.place.deploy(spec("b"));
      await given.place.deploy(spec("a"));
      const all = await names();
      expect(all).toEqual([...all].sort());
      await given.place.undeploy("a");
      await given.place.undeploy("b");
    });

    test("a watch begins with the model as it is", async () => {
      const signal = AbortSignal.timeout(10_000);
      for await (const model of given.place.watch("first", signal)) {
        expect(model.name).toBe("first");
        return;
      }
      expect.unreachable("the watch ended without the model");
    });

    test("what is not there is said to be not there", async () => {
      await expect(given.place.model("nobody")).rejects.toMatchObject({ code: "model_not_found" });
      await expect(given.place.undeploy("nobody")).rejects.toMatchObject({
        code: "model_not_found",
      });
    });

    test("an undeployed model is gone", async () => {
      await given.place.undeploy("first");
      await expect.poll(names, { timeout: 10_000 }).not.toContain("first");
    });

    test("evidence of nothing is empty, not a failure", async () => {
      const evidence = await given.place.evidence(undefined);
      expect(evidence.conditions).toEqual([]);
    });
  });
}
