/** The service `pulumirpc.Engine`, which the program and the plugins use to say something. */
import { Server, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import services from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/engine_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { grpcOptions, listen } from "./grpc.ts";
import type { Severity } from "./show.ts";

export interface EngineService {
  address: string;
  close(): void;
}

export type LogListener = (entry: {
  severity: Severity;
  message: string;
  urn: string | undefined;
  isPassing: boolean;
}) => void;

type Handler<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  reply: sendUnaryData<Response>,
) => void;

const severities: Severity[] = ["debug", "info", "warning", "error"];

export async function startEngineService(onLog: LogListener): Promise<EngineService> {
  const server = new Server(grpcOptions);
  let root = "";
  const log: Handler<InstanceType<typeof messages.LogRequest>, InstanceType<typeof empty.Empty>> = (
    { request },
    reply,
  ) => {
    onLog({
      severity: severities[request.getSeverity()] ?? "info",
      message: request.getMessage(),
      urn: request.getUrn() || undefined,
      isPassing: request.getEphemeral(),
    });
    reply(null, new empty.Empty());
  };
  const setRootResource: Handler<
    InstanceType<typeof messages.SetRootResourceRequest>,
    InstanceType<typeof messages.SetRootResourceResponse>
  > = ({ request }, reply) => {
    root = request.getUrn();
    reply(null, new messages.SetRootResourceResponse());
  };
  const getRootResource: Handler<unknown, InstanceType<typeof messages.GetRootResourceResponse>> = (
    _,
    reply,
  ) => reply(null, new messages.GetRootResourceResponse().setUrn(root));
  const requirePulumiVersion: Handler<
    unknown,
    InstanceType<typeof messages.RequirePulumiVersionResponse>
  > = (_, reply) => reply(null, new messages.RequirePulumiVersionResponse());
  server.addService(services.EngineService, {
    log,
    setRootResource,
    getRootResource,
    requirePulumiVersion,
  });
  const address = await listen(server);
  return { address, close: () => server.forceShutdown() };
}
