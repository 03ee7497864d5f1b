/** The providers of one deployment: which provider resource serves which resource, each configured once. */
import { randomUUID } from "node:crypto";
import { EngineError } from "../../engine/contract/errors.ts";
import type { ResourceProvider } from "./provider.ts";
import {
  makeUrn,
  packageOf,
  parseReference,
  providerTypeOf,
  type ResourceState,
  typeOf,
} from "./resource.ts";
import { type Properties, unknown } from "./values.ts";

export interface ConfiguredProvider {
  provider: ResourceProvider;
  supportsPreview: boolean;
}

export interface Providers {
  /** Makes the provider resource's provider ready under its URN. */
  configure(urn: string, inputs: Properties): Promise<ConfiguredProvider>;
  /** The provider of a resource in the state or in the program. */
  of(resource: { urn: string; provider?: string | undefined }): Promise<ConfiguredProvider>;
  /** Starts early what the state says will be needed. */
  warm(): void;
  cancel(): Promise<void>;
  close(): Promise<void>;
}

export interface ProvidersOptions {
  /** Starts a provider of the package. */
  open: (packageName: string) => Promise<ResourceProvider>;
  /** Provider resources that the state knows. */
  known: ResourceState[];
}

export function createProviders(options: ProvidersOptions): Providers {
  const opened: Promise<ResourceProvider>[] = [];
  const warmed = new Map<string, Promise<ResourceProvider>>();
  const configured = new Map<string, Promise<ConfiguredProvider>>();

  const open = (packageName: string): Promise<ResourceProvider> => {
    const started = options.open(packageName);
    started.catch(() => undefined);
    opened.push(started);
    return started;
  };
  const start = async (urn: string, inputs: Properties): Promise<ConfiguredProvider> => {
    const packageName = packageOf(typeOf(urn));
    const provider = await (warmed.get(urn) ?? open(packageName));
    warmed.delete(urn);
    const { version: _version, ...variables } = inputs;
    return { provider, ...(await provider.configure(variables)) };
  };
  const configure = (urn: string, inputs: Properties): Promise<ConfiguredProvider> => {
    const ready = configured.get(urn) ?? start(urn, inputs);
    configured.set(urn, ready);
    return ready;
  };
  return {
    configure,
    of: async resource => {
      const { urn } = parseReference(resource.provider ?? "");
      const ready = configured.get(urn);
      if (ready !== undefined) return await ready;
      const known = options.known.find(provider => provider.urn === urn);
      if (known !== undefined) return await configure(urn, known.inputs ?? {});
      throw new EngineError(
        "internal",
        `${resource.urn} names a provider that nobody knows: ${urn}`,
      );
    },
    warm: () => {
      for (const { urn } of options.known) warmed.set(urn, open(packageOf(typeOf(urn))));
    },
    cancel: async () => {
      const started = await Promise.allSettled(opened);
      const answers = started.map(one => (one.status === "fulfilled" ? one.value.cancel() : null));
      await Promise.allSettled(answers);
    },
    close: async () => {
      const started = await Promise.allSettled(opened);
      const ends = started.map(one => (one.status === "fulfilled" ? one.value.close() : null));
      await Promise.allSettled(ends);
    },
  };
}

/** The provider resource that serves resources for which the program names none. */
export function defaultProviderUrn(
  place: { stack: string; project: string },
  packageName: string,
  version: string,
): string {
  const name = version === "" ? "default" : `default_${version.replace(/[^a-zA-Z0-9]/g, "_")}`;
  return makeUrn(place, undefined, providerTypeOf(packageName), name);
}

/** Provider resources live in the state alone, so their ids are made here. */
export function providerId(old: ResourceState | undefined, isPreview: boolean): string {
  return old?.id ?? (isPreview ? unknown : randomUUID());
}
