/** Which place a command line means: what was said wins over what is there. */
import { expect, test } from "vitest";
import { choosePlace } from "../../../engine/cli/choose-place.ts";

const own = { kind: "engine", url: "http://127.0.0.1:5000", isOwn: true };
const kube = "/home/jane/.kube/config";

test.each([
  ["nothing at all", {}, {}, undefined, own],
  ["a usual kubeconfig", {}, {}, kube, { kind: "cluster", kubeconfig: kube }],
  ["KUBECONFIG", {}, { KUBECONFIG: "/k" }, kube, { kind: "cluster", kubeconfig: "/k" }],
  [
    "KOLLAMA_URL",
    {},
    { KOLLAMA_URL: "http://x", KUBECONFIG: "/k" },
    kube,
    { kind: "engine", url: "http://x", isOwn: false },
  ],
  ["--stack", { stack: "dev" }, { KOLLAMA_URL: "http://x" }, kube, { kind: "stack", stack: "dev" }],
  [
    "--kubeconfig",
    { kubeconfig: "/o" },
    { KOLLAMA_URL: "http://x" },
    undefined,
    { kind: "cluster", kubeconfig: "/o" },
  ],
  [
    "--url",
    { url: "http://y", stack: "dev" },
    {},
    kube,
    { kind: "engine", url: "http://y", isOwn: false },
  ],
])("%s", (_, options, environment, kubeconfig, choice) => {
  expect(choosePlace(options, environment, { kubeconfig })).toEqual(choice);
});
