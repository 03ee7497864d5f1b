/** Which packages go into an image, from small lockfiles and from the project's own. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  closePackages,
  type LockedPackage,
  type Lockfile,
} from "../../../engine/image/lockfile.ts";
import { chooseTarget } from "../../../engine/image/variants.ts";

const cpu = chooseTarget("cpu", "linux/amd64");

function lock(packages: Record<string, LockedPackage>): Lockfile {
  return {
    version: "1",
    packages: { "node_modules/@node-llama-cpp/linux-x64": { version: "3" }, ...packages },
  };
}

const paths = (lockfile: Lockfile, target = cpu) =>
  closePackages(lockfile, target).map(entry => entry.path);

test("nested packages are found as Node finds them, optional and undeclared ones stay out", () => {
  const found = paths(
    lock({
      "": { dependencies: { a: "1", b: "1" } },
      "node_modules/a": {
        dependencies: { c: "2" },
        peerDependencies: { d: "1", e: "1" },
        peerDependenciesMeta: { e: { optional: true } },
      },
      "node_modules/a/node_modules/c": { version: "2", dependencies: { b: "1" } },
      "node_modules/b": { dependencies: { c: "1" } },
      "node_modules/c": { version: "1" },
      "node_modules/d": {},
      "node_modules/e": {},
      "node_modules/unasked": {},
    }),
  );
  expect(found).toEqual([
    "node_modules/@node-llama-cpp/linux-x64",
    "node_modules/a",
    "node_modules/a/node_modules/c",
    "node_modules/b",
    "node_modules/c",
    "node_modules/d",
  ]);
});

test("a lockfile that lacks a package is refused with what to do", () => {
  const lockfile = lock({ "": { dependencies: { a: "1" } } });
  expect(() => paths(lockfile)).toThrow("package-lock.json has no a for it.");
});

const own = JSON.parse(
  readFileSync(new URL("../../../package-lock.json", import.meta.url), "utf8"),
) as Lockfile;

test.each(["cpu", "cuda", "vulkan"])(
  "the project's %s image: one backend, no builder, no Pulumi",
  variant => {
    const target = chooseTarget(variant, "linux/amd64");
    const names = closePackages(own, target).map(entry => entry.name);
    const backends = names.filter(name => name.startsWith("@node-llama-cpp/"));
    expect(backends).toEqual([target.llamaPackage]);
    const unwanted = /pulumi|cmake|node-addon-api|node-gyp|typescript|vitest|biome|grpc|kubernetes/;
    expect(names.filter(name => unwanted.test(name))).toEqual([]);
    const manifest = JSON.parse(
      readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
    ) as { dependencies: object };
    expect(names).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
  },
);

test.each([
  ["gpu", "linux/amd64", /no variant "gpu".*/],
  ["cpu", "windows/amd64", /no image for the platform "windows\/amd64"/],
  ["cuda", "linux/arm64", /no cuda build for linux\/arm64/],
])("variant %s on %s is refused", (variant, platform, message) => {
  expect(() => chooseTarget(variant, platform)).toThrow(message);
});
