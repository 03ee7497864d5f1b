/** Which hosts and pages may speak to an engine on loopback. */
import { describe, expect, test } from "vitest";
import { checkHost, checkOrigin } from "../../../engine/api/origins.ts";

const ask = (headers: Record<string, string>) => new Request("http://x/", { headers });

describe("host", () => {
  test.each([
    "localhost",
    "localhost:11434",
    "LOCALHOST:5000",
    "127.0.0.1:5000",
    "127.1.2.3",
    "[::1]:11434",
    "[::1]",
    "echo.localhost:5000",
  ])("%s is this machine's", host => {
    expect(() => checkHost(ask({ host }), "127.0.0.1")).not.toThrow();
  });

  test.each([
    "evil.example",
    "evil.example:11434",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evillocalhost",
    "[::2]:5000",
    "",
  ])("%s is not", host => {
    expect(() => checkHost(ask({ host }), "127.0.0.1")).toThrow(
      expect.objectContaining({ code: "host_refused" }),
    );
  });

  test("an engine that others reach has names we cannot know", () => {
    expect(() => checkHost(ask({ host: "models.example" }), "0.0.0.0")).not.toThrow();
  });
});

describe("origin", () => {
  test("programs send none", () => {
    expect(checkOrigin(ask({}))).toBeUndefined();
  });

  test.each([
    "http://localhost",
    "http://localhost:3000",
    "https://127.0.0.1:8443",
    "http://[::1]:5000",
    "http://app.localhost:1",
    "app://obsidian.md",
    "file://",
    "tauri://localhost",
    "vscode-webview://abc",
    "vscode-file://vscode-app",
  ])("%s may call", origin => {
    expect(checkOrigin(ask({ origin, host: "localhost:5000" }))).toBe(origin);
  });

  test("a page of the engine itself may call it", () => {
    const origin = "https://models.example";
    expect(checkOrigin(ask({ origin, host: "models.example" }))).toBe(origin);
  });

  test.each([
    "https://evil.example",
    "http://localhost.evil.example",
    "null",
    "chrome-extension://abc",
    "",
    "data:text/html,x",
  ])("%s may not", origin => {
    expect(() => checkOrigin(ask({ origin, host: "localhost:5000" }))).toThrow(
      expect.objectContaining({ code: "host_refused" }),
    );
  });
});
