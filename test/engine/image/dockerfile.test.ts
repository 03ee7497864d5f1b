/** engine/Dockerfile says of the image what `npm run image` says. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { planImage } from "../../../engine/image/build.ts";
import { writeFolders } from "../../../engine/image/folders.ts";
import { chooseTarget } from "../../../engine/image/variants.ts";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const read = (path: string) => readFileSync(join(checkout, path), "utf8");
const target = chooseTarget("cpu", process.arch === "arm64" ? "linux/arm64" : "linux/amd64");

/** The last stage's instructions, continued lines joined. */
function lastStage(): string[] {
  const lines = read("engine/Dockerfile").replaceAll("\\\n", "").split("\n");
  return lines.slice(lines.findLastIndex(line => line.startsWith("FROM ")));
}

function argumentsOf(instruction: string): string {
  const lines = lastStage().filter(line => line.startsWith(`${instruction} `));
  return lines.map(line => line.slice(instruction.length + 1)).join(" ");
}

test.runIf(process.platform === "linux")(
  "user, ports, environment, labels and entry are the same",
  () => {
    const { config } = planImage({ checkout, target, sysroots: [] });
    const labels = [...argumentsOf("LABEL").matchAll(/(\S+?)="([^"]*)"/g)].map(match => [
      match[1],
      match[2] === "$" + "{VARIANT}" ? "cpu" : match[2],
    ]);
    expect({
      User: argumentsOf("USER"),
      ExposedPorts: Object.fromEntries(
        argumentsOf("EXPOSE")
          .split(" ")
          .map(port => [port, {}]),
      ),
      Env: argumentsOf("ENV").split(" "),
      Entrypoint: JSON.parse(argumentsOf("ENTRYPOINT")),
      WorkingDir: argumentsOf("WORKDIR"),
      StopSignal: argumentsOf("STOPSIGNAL"),
      Labels: Object.fromEntries(labels),
    }).toEqual(config);
  },
);

test("its layers are copied in order, from nothing", () => {
  expect(lastStage()[0]).toBe("FROM scratch");
  const copied = lastStage().flatMap(
    line => /^COPY --from=build (\/\S+) \/$/.exec(line)?.[1] ?? [],
  );
  expect(copied).toEqual(["/layers/base", "/layers/dependencies", "/layers/engine"]);
});

test("what the build reads is let through", () => {
  const rules = read("engine/Dockerfile.dockerignore").split("\n");
  expect(rules).toEqual(
    expect.arrayContaining(["*", "!package.json", "!package-lock.json", "!engine"]),
  );
});

test("layers become folders, with their modes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "echorator-folders-"));
  try {
    const bytes = { kind: "bytes", bytes: Buffer.from("text") } as const;
    const source = { kind: "file", source: join(checkout, "package.json") } as const;
    const layer = {
      name: "base",
      entries: [
        { path: "bin/run", mode: 0o755, content: bytes },
        { path: "tmp", mode: 0o1777, content: { kind: "folder" } as const },
        { path: "app/package.json", mode: 0o644, content: source },
        { path: "bin/link", mode: 0o777, content: { kind: "link", target: "run" } as const },
      ],
    };
    await writeFolders([layer], folder);
    expect(statSync(join(folder, "base/bin/run")).mode & 0o777).toBe(0o755);
    expect(statSync(join(folder, "base/tmp")).mode & 0o7777).toBe(0o1777);
    expect(readFileSync(join(folder, "base/bin/link"), "utf8")).toBe("text");
    expect(readFileSync(join(folder, "base/app/package.json"), "utf8")).toBe(read("package.json"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
