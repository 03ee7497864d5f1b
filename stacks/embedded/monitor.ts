/** The service `pulumirpc.ResourceMonitor`, through which the program says what it wants. */
import { Server, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import services from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/resource_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { toSentence } from "./deployment.ts";
import { toGoal } from "./goal.ts";
import { grpcOptions, listen } from "./grpc.ts";
import type { Goal } from "./plan.ts";
import type { ResourceState } from "./resource.ts";
import { fromStruct, type Properties, toStruct, withoutOutputs } from "./values.ts";

export interface MonitorHandlers {
  project: string;
  stack: string;
  defaultProvider(packageName: string, version: string): Promise<string>;
  register(goal: Goal): Promise<ResourceState>;
  registerOutputs(urn: string, outputs: Properties): void;
  invoke(token: string, args: Properties): Promise<Properties>;
  /** The program has registered everything; answered when all is done. */
  finish(): Promise<void>;
  fail(error: unknown, urn?: string): void;
}

export interface Monitor {
  address: string;
  close(): void;
}

type RegisterRequest = InstanceType<typeof messages.RegisterResourceRequest>;
type Handler<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  reply: sendUnaryData<Response>,
) => void;

const { ResourceMonitorFeature: feature } = messages;
const features = new Map([
  ["secrets", feature.RESOURCE_MONITOR_FEATURE_SECRETS],
  ["resourceReferences", feature.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES],
  ["outputValues", feature.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES],
  ["aliasSpecs", feature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS],
  ["deletedWith", feature.RESOURCE_MONITOR_FEATURE_DELETED_WITH],
]);

/** Calls that other programs make and that `local` has no need of, by the name a user knows. */
const refused = {
  call: "method calls on resources",
  readResource: "look-up of existing resources (`get`)",
  registerStackTransform: "transforms",
  registerStackInvokeTransform: "transforms of look-ups",
  registerResourceHook: "resource hooks",
  registerErrorHook: "error hooks",
  registerPackage: "parameterized packages",
  existsResource: "look-up of existing resources",
} as const;

export async function startMonitor(handlers: MonitorHandlers): Promise<Monitor> {
  const server = new Server(grpcOptions);
  const refusals = Object.fromEntries(
    Object.entries(refused).map(([method, what]) => [method, refuseCall(what)]),
  );
  server.addService(services.ResourceMonitorService, {
    ...refusals,
    getDeploymentInfo: deploymentInfo(handlers),
    supportsFeature: answer<InstanceType<typeof messages.SupportsFeatureRequest>, unknown>(
      async request =>
        new messages.SupportsFeatureResponse().setHassupport(features.has(request.getId())),
    ),
    registerResource: registerResource(handlers),
    registerResourceOutputs: answer<
      InstanceType<typeof messages.RegisterResourceOutputsRequest>,
      unknown
    >(async request => {
      const outputs = withoutOutputs(fromStruct(request.getOutputs()));
      handlers.registerOutputs(request.getUrn(), outputs);
      return new empty.Empty();
    }),
    invoke: answer<InstanceType<typeof messages.ResourceInvokeRequest>, unknown>(async request => {
      const args = withoutOutputs(fromStruct(request.getArgs()));
      const found = await handlers.invoke(request.getTok(), args);
      return new messages.ResourceInvokeResponse().setReturn(toStruct(found));
    }),
    signalAndWaitForShutdown: answer(async () => {
      await handlers.finish();
      return new empty.Empty();
    }),
  });
  const address = await listen(server);
  return { address, close: () => server.forceShutdown() };
}

/** A handler whose errors reach the program as they are. */
function answer<Request, Response>(
  work: (request: Request) => Promise<Response>,
): Handler<Request, Response> {
  return (call, reply) => {
    work(call.request).then(
      response => reply(null, response),
      error => reply({ code: status.FAILED_PRECONDITION, details: toSentence(error) }),
    );
  };
}

function refuseCall(what: string): Handler<unknown, unknown> {
  const details = `the embedded deployment engine has no ${what}; install the Pulumi CLI (https://www.pulumi.com/docs/install/)`;
  return (_, reply) => reply({ code: status.UNIMPLEMENTED, details });
}

function deploymentInfo(handlers: MonitorHandlers): Handler<unknown, unknown> {
  return answer(async () => {
    const info = new messages.DeploymentInfo();
    info.setProject(handlers.project).setStack(handlers.stack).setOrganization("organization");
    return info.setSupportedfeaturesList([...features.values()]);
  });
}

function registerResource(handlers: MonitorHandlers): Handler<RegisterRequest, unknown> {
  return (call, reply) => {
    register(handlers, call.request).then(
      response => reply(null, response),
      error => {
        handlers.fail(error);
        // What the SDK takes for "end quietly, somebody else has told the user".
        reply({ code: status.UNAVAILABLE, details: "the deployment was stopped" });
      },
    );
  };
}

async function register(handlers: MonitorHandlers, request: RegisterRequest) {
  const goal = await toGoal(handlers, request);
  const resource = await handlers.register(goal);
  const response = new messages.RegisterResourceResponse().setUrn(resource.urn);
  response.setId(resource.id ?? "").setObject(toStruct(resource.outputs ?? {}));
  return response;
}
