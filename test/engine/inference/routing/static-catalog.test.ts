/** The catalog of a gateway without Kubernetes keeps the promises of all catalogs. */
import { ModelSpec } from "../../../../engine/contract/model.ts";
import { createStaticCatalog } from "../../../../engine/inference/routing/static-catalog.ts";
import { describeCatalog } from "../../../conformance/catalog.ts";

describeCatalog("static", async () => {
  const models = new Map<string, ModelSpec>();
  const workers: Record<string, string[]> = {};
  const woken: string[] = [];
  const catalog = createStaticCatalog({
    ...{ models: [], workers: {} },
    onWake: model => void woken.push(model),
  });
  return {
    ...{ catalog, woken },
    async declare(input, addresses) {
      const spec = ModelSpec.parse(input);
      if (addresses === undefined) models.delete(spec.name);
      else models.set(spec.name, spec);
      workers[spec.name] = (addresses ?? []).map(address => `http://${address}/`);
      catalog.replace({ models: [...models.values()], workers });
    },
    close: () => catalog.close(),
  };
});
