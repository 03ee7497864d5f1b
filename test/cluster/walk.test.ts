/** The stack "dev" on real nodes, as a platform team uses it: rendered, applied, asked, rolled, killed, scaled and taken down. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ollama } from "ollama";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { defaultPorts } from "../../engine/contract/endpoints.ts";
import { type DevStack, namespace, startDevStack } from "../support/dev-stack.ts";
import { describeOnTestbed } from "../support/testbed.ts";
import { startTraffic } from "../support/traffic.ts";

const source = "bundled:echo-tiny";
const models = [
  { name: "assistant", source, context: 1024, slots: 4, sampling: { temperature: 0 } },
  {
    ...{ name: "drafts", source, context: 512, slots: 1, sampling: { temperature: 0 } },
    replicas: { min: 0, max: 3 },
    scaling: { idleSeconds: 5, downSeconds: 2 },
  },
];

/** Who asked the API server for what: of service accounts alone. */
const auditPolicy = {
  ...{ apiVersion: "audit.k8s.io/v1", kind: "Policy", omitStages: ["RequestReceived"] },
  rules: [
    { level: "Metadata", userGroups: [`system:serviceaccounts:${namespace}`] },
    { level: "None" },
  ],
};

describeOnTestbed("full", "the stack dev", () => {
  let dev: DevStack;
  let audits: string;

  beforeAll(async () => {
    audits = mkdtempSync(join(tmpdir(), "echorator-audit-"));
    writeFileSync(join(audits, "policy"), JSON.stringify(auditPolicy));
    const policy = `--audit-policy-file=${join(audits, "policy")}`;
    const apiServerArguments = `${policy} --audit-log-path=${join(audits, "log")}`;
    dev = await startDevStack({ apiServerArguments });
    await dev.render({ models });
  });

  afterAll(async () => {
    await dev?.stop();
    rmSync(audits, { recursive: true, force: true });
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") process.stdout.write(`${await dev.explain()}\n`);
  });

  test("rendered YAML is applied, and the official clients get answers", async () => {
    const begun = performance.now();
    await dev.apply();
    await dev.untilServing();
    // The gateway is there before its model, and holds the question until it is.
    expect(await dev.ask("assistant", "Which port does the Ollama API use?")).toContain("11434");
    say(`from apply to the first answer: ${seconds(performance.now() - begun)}`);
    const ollama = new Ollama({ host: dev.url("").replace(/\d+$/, `${defaultPorts.ollama}`) });
    const messages = [{ role: "user", content: "Hello, who are you?" }];
    const reply = await ollama.chat({ model: "assistant", messages });
    expect(reply.message.content).toContain("Echo");
  });

  test("applied again, nothing changes and no pod rolls", async () => {
    await dev.untilReady("assistant", 1);
    const before = await dev.readyPods("assistant");
    const generations = () =>
      dev.kubectl(
        "get",
        "deployment/echorator-gateway",
        "deployment/model-assistant",
        "-o",
        "jsonpath={.items[*].metadata.generation}",
      );
    const was = await generations();
    await dev.apply();
    expect(await generations()).toBe(was);
    expect(await dev.readyPods("assistant")).toEqual(before);
  });

  test("memory survives the death of the gateway's pod", async () => {
    await rememberZelmira();
    const gateway = ["-l", "app.kubernetes.io/component=gateway"];
    await dev.kubectl("delete", "pod", ...gateway, "--grace-period=0", "--force");
    await dev.untilServing();
    await findZelmira();
  });

  let conversation: string;
  const rememberZelmira = async () => {
    conversation = (await dev.post("/api/v1/conversations", {})).id;
    const turn = { model: "assistant", content: "My name is Zelmira." };
    await dev.post(`/api/v1/conversations/${conversation}/turns`, turn);
  };
  const findZelmira = async () => {
    const reply = await fetch(dev.url(`/api/v1/conversations/${conversation}`));
    expect(JSON.stringify(await reply.json())).toContain("Zelmira");
  };

  test("three workers are rolled and killed under load, and no stream fails", async () => {
    await dev.kubectl("scale", "deployment/model-assistant", "--replicas=3");
    await dev.untilReady("assistant", 3);
    const traffic = startTraffic({ client: dev.openai(), model: "assistant", streams: 4 });
    for (const _ of [1, 2]) {
      await dev.kubectl("rollout", "restart", "deployment/model-assistant");
      await dev.kubectl("rollout", "status", "deployment/model-assistant", "--timeout=120s");
    }
    const afterRolls = traffic.finished();
    for (const _ of [1, 2, 3]) {
      const [victim] = await dev.readyPods("assistant");
      await dev.kubectl("delete", "pod", victim ?? "", "--grace-period=0", "--force");
      await dev.untilReady("assistant", 3);
    }
    const { finished, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(finished).toBeGreaterThan(afterRolls);
    say(`two rolls and three kills: ${finished} streams, 0 failed`);
    await dev.kubectl("scale", "deployment/model-assistant", "--replicas=1");
  });

  test("a model goes from none to one, to three, and back to none", async () => {
    await dev.untilReady("drafts", 0);
    const begun = performance.now();
    expect(await dev.ask("drafts", "Hello, who are you?")).toContain("Echo");
    say(`from none to an answer: ${seconds(performance.now() - begun)}`);
    const logs = await dev.kubectl("logs", "-l", "echorator.dev/model=drafts", "--tail=-1");
    const lines = logs
      .split("\n")
      .flatMap(line => (line.startsWith("{") ? [JSON.parse(line)] : []));
    const loaded = lines.find(line => line.message === "model loaded");
    const answered = lines.find(line => line.route === "/v1/chat/completions");
    const reached = Date.parse(answered.time) - answered.ms - Date.parse(loaded.time);
    say(`of these, from the loaded model to the held request's arrival: ${reached} ms`);
    const traffic = startTraffic({ client: dev.openai(), model: "drafts", streams: 6 });
    await dev.untilReady("drafts", 3);
    const { failures } = await traffic.stop();
    expect(failures).toEqual([]);
    await dev.untilReady("drafts", 0);
  });

  test("of the API the gateway uses what it may, and may what it uses", async () => {
    const role = ["get", "role", "echorator-gateway", "-o", "json"];
    const { rules } = JSON.parse(await dev.kubectl(...role)) as { rules: Rule[] };
    const granted = new Set(
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap(group =>
          resources.flatMap(resource => verbs.map(verb => `${verb} ${group}/${resource}`)),
        ),
      ),
    );
    // No model of this stack has volumes of its own.
    granted.delete("patch apps/statefulsets/scale");
    const asked = readFileSync(join(audits, "log"), "utf8")
      .split("\n")
      .flatMap(line => (line === "" ? [] : [JSON.parse(line) as AuditEvent]));
    const refused = asked.filter(({ responseStatus }) => responseStatus?.code === 403);
    expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
    const used = asked.flatMap(({ verb, objectRef }) =>
      objectRef === undefined ? [] : [`${verb} ${nameResource(objectRef)}`],
    );
    expect([...new Set(used)].sort()).toEqual([...granted].sort());
  });

  test("taken down, nothing is left but what is kept, and applied again it is remembered", async () => {
    await rememberZelmira();
    const begun = performance.now();
    await dev.takeDown();
    say(`taken down in ${seconds(performance.now() - begun)}`);
    expect(await listObjects()).toEqual(["persistentvolumeclaim/echorator-memory"]);
    await dev.apply();
    await dev.untilServing();
    await findZelmira();
  });

  test("with its namespace everything goes", async () => {
    await dev.testbed.kubectl(["delete", "-f", dev.folder, "--ignore-not-found", "--timeout=60s"]);
    const left = await dev.testbed.kubectl(["get", "namespaces", "-o", "name"]);
    expect(left).not.toContain(`namespace/${namespace}\n`);
  });

  /** Of every kind of the API, without what Kubernetes puts into each namespace. */
  const listObjects = async () => {
    const listing = ["api-resources", "--namespaced", "--verbs=list", "-o", "name"];
    const kinds = (await dev.kubectl(...listing)).trim().split("\n");
    const shown = kinds.filter(kind => !/^events|endpoints$|^pods.metrics/.test(kind)).join(",");
    const names = (await dev.kubectl("get", shown, "-o", "name")).trim().split("\n");
    return names.filter(
      name => !/^(configmap\/kube-root-ca.crt|serviceaccount\/default)$/.test(name),
    );
  };
});

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

interface AuditEvent {
  verb: string;
  requestURI: string;
  objectRef?: { apiGroup?: string; resource: string; subresource?: string };
  responseStatus?: { code: number };
}

function nameResource({ apiGroup = "", resource, subresource }: Required<AuditEvent>["objectRef"]) {
  return `${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
