// Starts a TypeScript entry of the project on Node 24 or newer, or says in one sentence what is missing.
const [major] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(
    `Echorator needs Node 24 and this is Node ${process.versions.node}: for ${process.platform}-${process.arch} ` +
      "none came with `npm ci`, so install Node 24 or newer from https://nodejs.org and run the command again.",
  );
  process.exit(1);
}
const { enableCompileCache } = await import("node:module");
const { join, resolve } = await import("node:path");
const { pathToFileURL } = await import("node:url");
// Types are stripped and code is compiled once, for this process and for those that it starts.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, "node_modules", ".cache", "echorator");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const entry = resolve(import.meta.dirname, process.argv[2]);
process.argv.splice(1, 2, entry);
await import(pathToFileURL(entry).href);
