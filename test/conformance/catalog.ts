/** The promises of the RouteCatalog interface, held by every implementation. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ModelSpecInput } from "../../engine/contract/model.ts";
import type { RouteCatalog } from "../../engine/inference/routing/catalog.ts";

export interface CatalogUnderTest {
  catalog: RouteCatalog;
  woken: string[];
  /** Declares the model with workers at these addresses (`host:port`); undefined removes it. */
  declare(spec: ModelSpecInput, workers: readonly string[] | undefined): Promise<void>;
  close(): Promise<void>;
}

export function describeCatalog(name: string, open: () => Promise<CatalogUnderTest>): void {
  describe(`catalog ${name}`, () => {
    let opened: CatalogUnderTest | undefined;
    const start = async () => {
      opened = await open();
      return opened;
    };
    const urlsOf = (catalog: RouteCatalog, model: string) =>
      catalog.entries
        .get(model)
        ?.workers.filter(worker => worker.accepting)
        .map(worker => worker.url)
        .sort();
    afterEach(async () => {
      await opened?.close();
      opened = undefined;
    });
    const spec = (model: string, more: object = {}) => ({
      ...{ name: model, source: "bundled:echo-tiny" },
      ...more,
    });

    it("is ready when its first list is in, and knows models with and without workers", async () => {
      const { catalog, declare } = await start();
      await declare(spec("one"), ["10.0.0.1:5000", "10.0.0.2:5000"]);
      await declare(spec("two"), []);
      await vi.waitFor(() => expect(catalog.status()).toEqual({ ready: true, reason: undefined }));
      await vi.waitFor(() =>
        expect(urlsOf(catalog, "one")).toEqual(["http://10.0.0.1:5000", "http://10.0.0.2:5000"]),
      );
      expect(urlsOf(catalog, "two")).toEqual([]);
      expect(catalog.entries.get("one")?.route.spec.slots).toBe(4);
    });

    it("tells of every change after its entries have it, until the listening ends", async () => {
      const { catalog, declare } = await start();
      const seen: (string[] | undefined)[] = [];
      const stop = catalog.onChange(() => seen.push(urlsOf(catalog, "one")));
      await declare(spec("one"), ["10.0.0.1:5000"]);
      await vi.waitFor(() => expect(seen.at(-1)).toEqual(["http://10.0.0.1:5000"]));
      await declare(spec("one"), ["10.0.0.2:5000"]);
      await vi.waitFor(() => expect(seen.at(-1)).toEqual(["http://10.0.0.2:5000"]));
      await declare(spec("one"), undefined);
      await vi.waitFor(() => expect(seen.at(-1)).toBeUndefined());
      stop();
      const told = seen.length;
      await declare(spec("one"), ["10.0.0.3:5000"]);
      await vi.waitFor(() => expect(urlsOf(catalog, "one")).toEqual(["http://10.0.0.3:5000"]));
      expect(seen.length).toBe(told);
    });

    it("gives a server of others as the worker of its model", async () => {
      const { catalog, declare } = await start();
      await declare({ name: "far", source: "openai:https://models.example/v1#big" }, []);
      await vi.waitFor(() => expect(urlsOf(catalog, "far")).toEqual(["https://models.example/v1"]));
    });

    it("a changed spec is a changed entry, and equal ones are left alone", async () => {
      const { catalog, declare } = await start();
      await declare(spec("one"), ["10.0.0.1:5000"]);
      await vi.waitFor(() => expect(urlsOf(catalog, "one")).toHaveLength(1));
      await declare(spec("one", { slots: 9 }), ["10.0.0.1:5000"]);
      await vi.waitFor(() => expect(catalog.entries.get("one")?.route.spec.slots).toBe(9));
    });

    it("wakes by name", async () => {
      const { catalog, declare, woken } = await start();
      await declare(spec("one"), []);
      await vi.waitFor(() => expect(catalog.entries.has("one")).toBe(true));
      catalog.wake("one");
      expect(woken).toEqual(["one"]);
    });
  });
}
