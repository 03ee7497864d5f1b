/** The image on real nodes: a pod as restricted as can be runs the engine, which answers, writes its home alone and ends in order. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { paths } from "../../engine/contract/endpoints.ts";
import { copyProject } from "../support/copy.ts";
import { type EngineImage, engineImage } from "../support/engine-image.ts";
import { describeOnTestbed, startTestbed, type Testbed } from "../support/testbed.ts";

const run = promisify(execFile);
const podName = "engine";

describeOnTestbed("full", "the image", () => {
  let image: EngineImage;
  let testbed: Testbed;
  let namespace: string;

  beforeAll(async () => {
    image = await engineImage();
    testbed = await startTestbed("full", { images: [image.path] });
    namespace = await testbed.createNamespace("image", {
      "pod-security.kubernetes.io/enforce": "restricted",
    });
  });

  afterAll(() => testbed?.stop());

  const inNamespace = (...args: string[]) => testbed.kubectl(["-n", namespace, ...args]);
  const field = (path: string) =>
    inNamespace("get", "pod", podName, "-o", `jsonpath={${path}}`).then(text => text.trim());
  const inPod = (script: string) =>
    inNamespace("exec", podName, "--", "/usr/local/bin/node", "-e", script);

  test("a restricted pod answers a client, with the bundled model and one core", async () => {
    const begun = performance.now();
    const objects = { apiVersion: "v1", kind: "List", items: [configMap(), pod(image.tag)] };
    const apply = ["-n", namespace, "apply", "--server-side", "-f", "-"];
    await testbed.kubectl(apply, JSON.stringify(objects));
    await inNamespace("wait", "--for=condition=Ready", `pod/${podName}`, "--timeout=120s");
    const readyMs = performance.now() - begun;
    const baseURL = `http://${await field(".status.podIP")}:5000/v1`;
    const client = new OpenAI({ baseURL, apiKey: "none" });
    const reply = await client.chat.completions.create({
      model: "assistant",
      messages: [{ role: "user", content: "Which port does the Ollama API use?" }],
    });
    expect(reply.choices[0]?.message.content).toContain("11434");
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    process.stdout.write(
      `from apply: ready after ${seconds(readyMs)}, first answer after ${seconds(performance.now() - begun)}\n`,
    );
  });

  test("it is nobody, and writes its home and nothing else", async () => {
    const script = `
      const fs = require("node:fs");
      const tries = ["/", "/app", "/tmp", "/usr/local/bin", "/home/echorator"].map(folder => {
        try { fs.writeFileSync(folder + "/probe", ""); fs.rmSync(folder + "/probe"); return [folder, "written"]; }
        catch (error) { return [folder, error.code]; }
      });
      const status = fs.readFileSync("/proc/1/status", "utf8");
      const line = name => status.match(new RegExp("^" + name + ":\\\\s*(.*)$", "m"))[1];
      console.log(JSON.stringify({
        user: process.getuid(), group: process.getgid(), capabilities: line("CapEff"),
        noNewPrivileges: line("NoNewPrivs"), seccomp: line("Seccomp"), tries: Object.fromEntries(tries),
        command: fs.readFileSync("/proc/1/cmdline", "utf8").split("\\0").slice(0, 2),
      }));`;
    expect(JSON.parse(await inPod(script))).toEqual({
      user: 65_532,
      group: 65_532,
      capabilities: "0000000000000000",
      noNewPrivileges: "1",
      seccomp: "2",
      tries: {
        "/": "EROFS",
        "/app": "EROFS",
        "/tmp": "EROFS",
        "/usr/local/bin": "EROFS",
        "/home/echorator": "written",
      },
      command: ["/usr/local/bin/node", "/app/engine/main.ts"],
    });
  });

  test("it sees the pod's one core, not the machine's", async () => {
    const script = `import('/app/engine/inference/usable-cores.ts').then(m => console.log(m.usableCores()))`;
    expect((await inPod(script)).trim()).toBe("1");
  });

  test("the list of its parts is inside", async () => {
    const sbom = JSON.parse(
      await inPod(
        `process.stdout.write(require("node:fs").readFileSync("/usr/share/echorator/sbom.json"))`,
      ),
    );
    expect(sbom.bomFormat).toBe("CycloneDX");
  });

  test("two checkouts of the same files give the same bytes", async () => {
    using first = copyProject();
    const second = mkdtempSync(join(tmpdir(), "echorator-second-"));
    try {
      // Other times and another order of the disk; the packages are the same.
      cpSync(first.path, second, { recursive: true, verbatimSymlinks: true });
      const digests = [];
      for (const folder of [first.path, second]) {
        const out = join(folder, "image.tar");
        const args = ["launch.mjs", "engine/image/main.ts", "--out", out, "--tag", image.tag];
        const { stdout } = await run(process.execPath, args, { cwd: folder });
        digests.push({ archive: await sha256(out), digest: /digest (\S+)/.exec(stdout)?.[1] });
      }
      expect(digests[1]).toEqual(digests[0]);
    } finally {
      rmSync(second, { recursive: true, force: true });
    }
  });

  test("it ends with 0 when the pod is deleted", async () => {
    // The object stays until its finalizer goes, so that how the container ended can be read.
    const patch = JSON.stringify({ metadata: { finalizers: ["echorator.dev/test"] } });
    await inNamespace("patch", "pod", podName, "--type=merge", "-p", patch);
    await inNamespace("delete", "pod", podName, "--wait=false");
    const ended = "{.status.containerStatuses[0].state.terminated.reason}=Completed";
    await inNamespace("wait", `--for=jsonpath=${ended}`, `pod/${podName}`, "--timeout=60s");
    expect(await field(".status.containerStatuses[0].state.terminated.exitCode")).toBe("0");
    expect(await field(".status.containerStatuses[0].restartCount")).toBe("0");
    await inNamespace(
      "patch",
      "pod",
      podName,
      "--type=merge",
      "-p",
      '{"metadata":{"finalizers":null}}',
    );
  });
});

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

function configMap() {
  const config = {
    host: "0.0.0.0",
    auth: "none",
    models: [{ name: "assistant", source: "bundled:echo-tiny", slots: 1 }],
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: podName },
    data: { "engine.yaml": JSON.stringify(config) },
  };
}

function pod(image: string) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: podName },
    spec: {
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        runAsGroup: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "engine",
          image,
          imagePullPolicy: "IfNotPresent",
          args: ["--home", "/home/echorator", "--config", "/etc/echorator/engine.yaml"],
          ports: [{ name: "main", containerPort: 5000 }],
          resources: {
            requests: { cpu: "250m", memory: "512Mi" },
            limits: { cpu: "1", memory: "512Mi" },
          },
          startupProbe: {
            httpGet: { path: paths.ready, port: "main" },
            periodSeconds: 1,
            failureThreshold: 100,
            timeoutSeconds: 3,
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [
            { name: "home", mountPath: "/home/echorator" },
            { name: "config", mountPath: "/etc/echorator", readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: "home", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
        { name: "config", configMap: { name: podName } },
      ],
    },
  };
}
