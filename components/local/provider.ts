/** The provider `echo` for this machine: finds the resource of a call, takes tags off what comes and puts them back. */
import type { provider } from "@pulumi/pulumi";
import type { Progress } from "./progress.ts";
import {
  hasUnknown,
  isEqual,
  isSecret,
  type PropertyMap,
  toSecret,
  unwrapMap,
} from "./property-values.ts";
import { type Call, HalfMadeError, type LocalResource } from "./resource.ts";

/** How long `cancel` waits for the calls that it has aborted to clean up. */
const cancelMsMax = 20_000;

export function createLocalProvider(
  resources: Record<string, LocalResource>,
  progress: Progress,
  version: string,
): provider.Provider {
  const cancellation = new AbortController();
  const running = new Set<Promise<unknown>>();

  /** Runs one call for the resource that `urn` names, known to `cancel` until it ends. */
  const run = <T>(urn: string, act: (resource: LocalResource, call: Call) => Promise<T>) => {
    const promise = (async () => await act(resourceOf(resources, urn), toCall(urn)))();
    const tracked = promise.catch(() => undefined).finally(() => running.delete(tracked));
    running.add(tracked);
    return promise;
  };
  const toCall = (urn: string): Call => ({
    urn,
    signal: cancellation.signal,
    status: message => progress.status(urn, message),
    warn: message => progress.warn(urn, message),
  });

  return {
    version,
    check: (urn, olds: PropertyMap, news: PropertyMap) =>
      run(urn, async (resource, call) => {
        const plain = unwrapMap(news);
        if (hasUnknown(plain)) return { inputs: news };
        const before = Object.keys(olds).length === 0 ? undefined : unwrapMap(olds);
        return { inputs: news, failures: await resource.check(call, before, plain) };
      }),
    diff: (id, urn, olds: PropertyMap, news: PropertyMap) =>
      run(urn, async (resource, call) => {
        const diff = await resource.diff(call, id, unwrapMap(olds), unwrapMap(news));
        return { ...diff, deleteBeforeReplace: true };
      }),
    create: (urn, news: PropertyMap) =>
      run(urn, async (resource, call) => {
        const made = await whole(news, resource.create(call, unwrapMap(news)));
        return { id: made.id, outs: { ...news, ...made.outputs } };
      }),
    read: (id, urn, props: PropertyMap = {}) =>
      run(urn, async (resource, call) => {
        const found = await resource.read(call, id, unwrapMap(props));
        if (found === undefined) return { id: "", props: {} };
        return {
          id,
          props: retag(props, found),
          inputs: pick(retag(props, found), resource.inputs),
        };
      }),
    update: (id, urn, olds: PropertyMap, news: PropertyMap) =>
      run(urn, async (resource, call) => {
        const update = resource.update(call, id, unwrapMap(olds), unwrapMap(news));
        return { outs: { ...news, ...(await whole(news, update)) } };
      }),
    delete: (id, urn, props: PropertyMap) =>
      run(urn, (resource, call) => resource.delete(call, id, unwrapMap(props))),
    // Comes at the end of every deployment: with nothing running there is nothing to do.
    cancel: async () => {
      cancellation.abort(new Error("cancelled; what it had begun is stopped"));
      const timeout = new Promise(resolve => setTimeout(resolve, cancelMsMax).unref());
      await Promise.race([Promise.all(running), timeout]);
    },
  };
}

function resourceOf(resources: Record<string, LocalResource>, urn: string): LocalResource {
  const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
  const resource = resources[type];
  if (resource !== undefined) return resource;
  const known = Object.keys(resources).join(", ");
  throw new Error(`this provider has no resource type "${type}"; it has ${known}`);
}

/** Gives a half-made resource the inputs that it was made with, in the form the SDK's server wants. */
async function whole<T>(inputs: PropertyMap, made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if (!(error instanceof HalfMadeError)) throw error;
    const { id, message, outputs } = error;
    throw Object.assign(new Error(message), {
      id,
      properties: { ...inputs, ...outputs },
      reasons: [message],
    });
  }
}

/** What was found, with the tags of what was known: a secret that drifted is still a secret. */
function retag(known: PropertyMap, found: PropertyMap): PropertyMap {
  const plain = unwrapMap(known);
  return Object.fromEntries(
    Object.entries(found).map(([key, value]) => {
      const tagged = known[key];
      if (tagged !== undefined && isEqual(plain[key], value)) return [key, tagged];
      return [key, isSecret(tagged) ? toSecret(value) : value];
    }),
  );
}

function pick(map: PropertyMap, names: readonly string[]): PropertyMap {
  return Object.fromEntries(Object.entries(map).filter(([key]) => names.includes(key)));
}
