/** Tokens that are times: made by a worker, read by who asks; both by the one monotonic clock of the machine. */
import { connect, type Socket } from "node:net";

/** Equal in all processes of a machine. */
export function readMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

const stampPattern = /"content":"@(\d+);"/g;
/** A stamp may come in two pieces. */
const tailMax = 64;

export interface StampedStream {
  close(): void;
}

export interface StreamEvents {
  /** Milliseconds from the token's making until it was here. */
  token(ms: number): void;
  /** It was refused, or ended although nobody asked it to. */
  dropped(why: string): void;
}

/** Reads no more of HTTP than it must: whoever asks shares the cores with what is measured. */
export function openStream(port: number, index: number, events: StreamEvents): StampedStream {
  const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let tail = "";
  let isBegun = false;
  let isOver = false;
  const drop = (why: string) => {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    events.dropped(why);
  };
  socket.setEncoding("latin1");
  socket.on("connect", () => socket.write(requestOf(index)));
  socket.on("data", (text: string) => {
    const nowUs = readMicroseconds();
    if (!isBegun && !text.startsWith("HTTP/1.1 200")) return drop(text.slice(0, 200));
    isBegun = true;
    const whole = tail + text;
    let end = 0;
    for (const match of whole.matchAll(stampPattern)) {
      events.token((nowUs - Number(match[1])) / 1_000);
      end = match.index + match[0].length;
    }
    tail = whole.slice(Math.max(end, whole.length - tailMax));
  });
  socket.on("error", error => drop(error.message));
  socket.on("close", () => drop("the connection was closed"));
  return {
    close() {
      isOver = true;
      socket.destroy();
    },
  };
}

function requestOf(index: number): string {
  const body = JSON.stringify({
    ...{ model: "assistant", stream: true, max_tokens: 3_600 },
    messages: [{ role: "user", content: `Tell me the time, ${index}.` }],
  });
  return [
    "POST /v1/chat/completions HTTP/1.1",
    "Host: 127.0.0.1",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}
