/** Who a key makes of a caller, and who is nobody. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAccess, withUser } from "../../../engine/api/access.ts";
import { EngineConfig, type EngineConfigInput } from "../../../engine/contract/config.ts";

const digest = (key: string) => createHash("sha256").update(key).digest("hex");
const loopback = { address: "127.0.0.1" };
const stranger = { address: "192.0.2.7" };

function access(config: EngineConfigInput) {
  const parsed = EngineConfig.parse(config);
  return createAccess({ config: () => parsed, adminKeySha256: digest("admin-key") });
}

function ask(headers: Record<string, string> = {}) {
  return new Request("http://localhost/api/tags", { headers });
}

const twoKeys = [
  { name: "app", tenant: "acme", sha256: digest("app-key") },
  { name: "ops", tenant: "acme", scopes: ["admin" as const], sha256: digest("ops-key") },
  { name: "kiosk", tenant: "shop", sha256: digest("kiosk-key"), subject: "kiosk-1" },
];

describe("without keys", () => {
  const authenticate = access({});

  test.each(["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])("%s is local", address => {
    expect(authenticate(ask(), { address }, "use").principal).toEqual({
      key: "local",
      tenant: "default",
      subject: "key:local",
      scopes: ["use"],
    });
  });

  test("the key that clients must send somehow is not looked at", () => {
    const caller = authenticate(ask({ authorization: "Bearer ollama" }), loopback, "use");
    expect(caller.principal.key).toBe("local");
  });

  test.each([stranger, { address: "" }])("nobody else is let in: %j", peer => {
    expect(() => authenticate(ask(), peer, "use")).toThrow(/wants a key/);
  });

  test("`auth: none` lets everyone use, and no one administer", () => {
    const open = access({ host: "0.0.0.0", auth: "none" });
    expect(open(ask(), stranger, "use").principal.key).toBe("local");
    expect(() => open(ask(), stranger, "admin")).toThrow(/scope "admin"/);
  });
});

describe("with keys", () => {
  const authenticate = access({ keys: twoKeys });

  test.each([
    ["authorization", "Bearer app-key"],
    ["authorization", "bearer app-key"],
    ["x-api-key", "app-key"],
  ])("%s: %s opens the key's tenant, from anywhere", (name, value) => {
    const { principal } = authenticate(ask({ [name]: value }), stranger, "use");
    expect(principal).toMatchObject({ key: "app", tenant: "acme", subject: "key:app" });
  });

  test("loopback needs one as well", () => {
    expect(() => authenticate(ask(), loopback, "use")).toThrow(/wants a key/);
    const wrong = ask({ authorization: "Bearer nonsense" });
    expect(() => authenticate(wrong, loopback, "use")).toThrow(/not known/);
  });

  test("a scope is not another", () => {
    const app = ask({ authorization: "Bearer app-key" });
    const ops = ask({ authorization: "Bearer ops-key" });
    expect(() => authenticate(app, loopback, "admin")).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
    expect(() => authenticate(ops, loopback, "use")).toThrow(
      expect.objectContaining({ code: "forbidden" }),
    );
    expect(authenticate(ops, loopback, "admin").principal.key).toBe("ops");
  });

  test("the home's own key may do both", () => {
    const own = ask({ authorization: "Bearer admin-key" });
    expect(authenticate(own, stranger, "admin").principal.key).toBe("admin");
    expect(authenticate(own, stranger, "use").principal.tenant).toBe("default");
  });
});

describe("subjects", () => {
  const authenticate = access({ keys: twoKeys });
  const as = (key: string, subject?: string) =>
    authenticate(
      ask({
        authorization: `Bearer ${key}`,
        ...(subject === undefined ? {} : { "x-echo-subject": subject }),
      }),
      stranger,
      "use",
    );

  test("the header says for whom", () => {
    expect(as("app-key", "user-7").principal.subject).toBe("user-7");
  });

  test("a key with a subject of its own does not listen", () => {
    expect(as("kiosk-key", "user-7").principal.subject).toBe("kiosk-1");
    expect(withUser(as("kiosk-key"), "user-7").principal.subject).toBe("kiosk-1");
  });

  test("a body's user says for whom when no header does", () => {
    expect(withUser(as("app-key"), "user-8").principal.subject).toBe("user-8");
    expect(withUser(as("app-key", "user-7"), "user-8").principal.subject).toBe("user-7");
    expect(withUser(as("app-key"), undefined).principal.subject).toBe("key:app");
  });

  test.each([
    ["empty", ""],
    ["too long", "x".repeat(257)],
    ["another key's own", "key:ops"],
  ])("a subject that is %s is refused", (_, subject) => {
    expect(() => as("app-key", subject)).toThrow(/x-echo-subject/);
  });

  test("a user with control characters is refused", () => {
    expect(() => withUser(as("app-key"), "a\nb")).toThrow(/^user:/);
  });
});
