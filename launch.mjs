// Starts a TypeScript entry of the project on Node 24 or newer, or says in one sentence what is missing.
const [major] = process.versions.node.split(".").map(Number);
if (major < 24) {
  console.error(
    `Echorator needs Node 24 and this is Node ${process.versions.node}: for ${process.platform}-${process.arch} ` +
      "none came with `npm ci`, so install Node 24 or newer from https://nodejs.org and run the command again.",
  );
  process.exit(1);
}
const { pathToFileURL } = await import("node:url");
const { resolve } = await import("node:path");
const entry = resolve(import.meta.dirname, process.argv[2]);
process.argv.splice(1, 2, entry);
await import(pathToFileURL(entry).href);
