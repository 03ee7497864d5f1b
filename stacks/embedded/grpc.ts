/** What all gRPC servers and clients of the engine have in common. */
import { type Server, ServerCredentials } from "@grpc/grpc-js";

/** Properties may hold whole files; the SDK allows the same. */
const messageBytesMax = 400 * 1024 * 1024;

export const grpcOptions = {
  "grpc.max_receive_message_length": messageBytesMax,
  "grpc.max_send_message_length": messageBytesMax,
};

/** Listens on a free port of this machine alone and answers with its address. */
export function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
    );
  });
}
