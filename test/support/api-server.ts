/** Ends the API server of a throw-away cluster as a crash would; it is started again by itself after a second. */
import { readdirSync, readFileSync } from "node:fs";
import type { Testbed } from "./testbed.ts";

export async function endApiServer({ directory }: Testbed): Promise<void> {
  if (directory === undefined) throw new Error("the API server of another cluster is left alone");
  const found = readdirSync("/proc")
    .filter(entry => /^\d+$/.test(entry))
    .map(Number)
    .filter(id => {
      const words = commandOf(id);
      return (
        words.some(word => word.includes("kube-apiserver")) &&
        words.some(word => word.includes(`${directory}/`)) &&
        words.length > 5
      );
    });
  const [id] = found;
  if (id === undefined || found.length !== 1)
    throw new Error(`there are ${found.length} API servers of ${directory}`);
  process.kill(id, "SIGKILL");
}

function commandOf(id: number): string[] {
  try {
    return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
