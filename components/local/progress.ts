/** Tells the deployment's display what a provider is doing; a plugin's own output is shown nowhere. */
import { credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
// The generated module has no names that an import could pick.
import messages from "@pulumi/pulumi/proto/engine_pb.js";

export interface Progress {
  /** For the status column of the resource; forgotten when the next one comes. */
  status(urn: string, message: string): void;
  /** Stays on the screen. */
  warn(urn: string, message: string): void;
}

/** Progress is best effort: a display that cannot be reached fails no deployment. */
export function createProgress(engineAddress: string | undefined): Progress {
  if (engineAddress === undefined) return { status: () => undefined, warn: () => undefined };
  const client = new EngineClient(engineAddress, credentials.createInsecure());
  const log = (urn: string, message: string, warning: boolean) => {
    const request = new messages.LogRequest();
    request.setUrn(urn);
    request.setMessage(message);
    request.setSeverity(warning ? messages.LogSeverity.WARNING : messages.LogSeverity.INFO);
    request.setEphemeral(!warning);
    client.log(request, () => undefined);
  };
  return {
    status: (urn, message) => log(urn, message, false),
    warn: (urn, message) => log(urn, message, true),
  };
}
