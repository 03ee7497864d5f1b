/** A resource provider plugin in a process of its own, spoken to over gRPC. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import grpcServices from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import statusMessages from "@pulumi/pulumi/proto/status_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { EngineError } from "../../engine/contract/errors.ts";
import { grpcOptions } from "./grpc.ts";
import {
  type Change,
  type Diff,
  type Existing,
  type ResourceProvider,
  UnfinishedResource,
} from "./provider.ts";
import { nameOf, typeOf } from "./resource.ts";
import { fromStruct, type Properties, toStruct, withoutSecrets } from "./values.ts";

export interface PluginOptions {
  /** The package the plugin provides. */
  name: string;
  folder: string;
  /** The program's working directory. */
  directory: string;
  environment: Record<string, string | undefined>;
  /** Where the plugin finds the engine's log. */
  engineAddress: string;
}

const startMs = 30_000;
const stopMs = 2_000;

type Reply<T> = (error: ServiceError | null, response: T) => void;
type Client = InstanceType<typeof grpcServices.ResourceProviderClient>;

function ask<T>(start: (reply: Reply<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error === null ? resolve(response) : reject(toError(error))));
  });
}

/** A provider's error in its own words; one with details says what exists already. */
function toError(error: ServiceError): Error {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const message = error.details || error.message;
  if (!(packed instanceof Buffer)) return Object.assign(new Error(message), { code: error.code });
  for (const detail of statusMessages.Status.deserializeBinary(packed).getDetailsList()) {
    if (detail.getTypeName() !== "pulumirpc.ErrorResourceInitFailed") continue;
    const failed = messages.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
    const outputs = fromStruct(failed.getProperties());
    return new UnfinishedResource(message, failed.getId(), outputs, failed.getReasonsList());
  }
  return new Error(message);
}

async function orUnimplemented<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as { code?: number }).code === status.UNIMPLEMENTED) return undefined;
    throw error;
  }
}

/** Starts the plugin and waits until it listens. */
export async function startPlugin(options: PluginOptions): Promise<ResourceProvider> {
  const path = join(options.folder, `pulumi-resource-${options.name}`);
  if (!existsSync(path)) {
    throw new EngineError("invalid_config", `the provider plugin ${path} does not exist`, {
      field: "plugins.providers",
      remedy: "Correct the path of the provider in Pulumi.yaml.",
    });
  }
  const child = spawn(path, [options.engineAddress], {
    cwd: options.directory,
    // Ctrl-C on the terminal is the engine's to answer; the plugin is asked to cancel.
    detached: true,
    env: options.environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const port = await readPort(child, path);
  const client = new grpcServices.ResourceProviderClient(
    `127.0.0.1:${port}`,
    credentials.createInsecure(),
    grpcOptions,
  );
  return toProvider(client, () => stop(child, client));
}

function readPort(child: ChildProcess, path: string): Promise<number> {
  const said: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said.push(text);
    if (said.length > 50) said.shift();
  });
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(timer);
      const last = said.join("").trim().split("\n").slice(-5).join("\n");
      reject(new Error(`the provider plugin ${path} ${what}${last === "" ? "" : `:\n${last}`}`));
    };
    const timer = setTimeout(() => fail("did not name its port"), startMs);
    child.once("error", error => fail(`cannot be started: ${error.message}`));
    child.once("exit", code => fail(`ended with ${code} before it listened`));
    if (child.stdout === null) return;
    createInterface(child.stdout).once("line", line => {
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(Number(line));
    });
  });
}

async function stop(child: ChildProcess, client: Client): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise(done => child.once("exit", done));
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await ended;
    clearTimeout(timer);
  }
  client.close();
}

function located<
  T extends { setUrn(urn: string): T; setName(name: string): T; setType(type: string): T },
>(request: T, urn: string): T {
  return request.setUrn(urn).setName(nameOf(urn)).setType(typeOf(urn));
}

function toProvider(client: Client, close: () => Promise<void>): ResourceProvider {
  return {
    configure: variables => configure(client, variables),
    check: async ({ urn, olds, news }) => {
      const request = located(new messages.CheckRequest(), urn);
      request.setOlds(toStruct(olds)).setNews(toStruct(news));
      const response = await ask<InstanceType<typeof messages.CheckResponse>>(reply =>
        client.check(request, reply),
      );
      return {
        inputs: fromStruct(response.getInputs()),
        failures: response.getFailuresList().map(failure => failure.toObject()),
      };
    },
    diff: change => diff(client, change),
    create: async ({ urn, inputs, preview }) => {
      const request = located(new messages.CreateRequest(), urn);
      request.setProperties(toStruct(inputs)).setPreview(preview);
      const response = await ask<InstanceType<typeof messages.CreateResponse>>(reply =>
        client.create(request, reply),
      );
      return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
    },
    update: async change => {
      const request = located(new messages.UpdateRequest(), change.urn);
      request.setId(change.id).setOlds(toStruct(change.outputs)).setNews(toStruct(change.news));
      request.setOldInputs(toStruct(change.inputs)).setPreview(change.preview);
      const response = await ask<InstanceType<typeof messages.UpdateResponse>>(reply =>
        client.update(request, reply),
      );
      return { outputs: fromStruct(response.getProperties()) };
    },
    read: existing => read(client, existing),
    delete: async ({ urn, id, inputs, outputs }) => {
      const request = located(new messages.DeleteRequest(), urn);
      request.setId(id).setProperties(toStruct(outputs)).setOldInputs(toStruct(inputs));
      await ask(reply => client.delete(request, reply));
    },
    cancel: async () => {
      await orUnimplemented(ask(reply => client.cancel(new empty.Empty(), reply)));
    },
    close,
  };
}

async function configure(
  client: Client,
  variables: Properties,
): Promise<{ supportsPreview: boolean }> {
  const request = new messages.ConfigureRequest();
  request.setArgs(toStruct(variables)).setAcceptsecrets(true).setAcceptresources(true);
  request.setSendsOldInputs(true).setSendsOldInputsToDelete(true);
  for (const [key, value] of Object.entries(variables)) {
    const clear = withoutSecrets(value);
    const text = typeof clear === "string" ? clear : JSON.stringify(clear);
    request.getVariablesMap().set(`config:${key}`, text);
  }
  const response = await ask<InstanceType<typeof messages.ConfigureResponse>>(reply =>
    client.configure(request, reply),
  );
  return { supportsPreview: response.getSupportspreview() };
}

async function diff(client: Client, change: Change): Promise<Diff> {
  const request = located(new messages.DiffRequest(), change.urn);
  request.setId(change.id).setOlds(toStruct(change.outputs)).setNews(toStruct(change.news));
  request.setOldInputs(toStruct(change.inputs));
  const response = await ask<InstanceType<typeof messages.DiffResponse>>(reply =>
    client.diff(request, reply),
  );
  const kinds = messages.DiffResponse.DiffChanges;
  const changes = response.getChanges();
  return {
    changes:
      changes === kinds.DIFF_NONE ? "none" : changes === kinds.DIFF_SOME ? "some" : "unknown",
    replaces: response.getReplacesList(),
    deleteBeforeReplace: response.getDeletebeforereplace(),
  };
}

async function read(client: Client, existing: Existing) {
  const request = located(new messages.ReadRequest(), existing.urn);
  request.setId(existing.id).setProperties(toStruct(existing.outputs));
  request.setInputs(toStruct(existing.inputs));
  const response = await ask<InstanceType<typeof messages.ReadResponse>>(reply =>
    client.read(request, reply),
  );
  const inputs = response.getInputs();
  return {
    id: response.getId(),
    inputs: inputs === undefined ? undefined : fromStruct(inputs),
    outputs: fromStruct(response.getProperties()),
  };
}
