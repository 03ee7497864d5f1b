/** Secrets at rest: what the CLI wrote can be read, and the wrong passphrase is refused. */
import { expect, test } from "vitest";
import { createSecrets, openSecrets } from "../../../stacks/embedded/secrets.ts";

test("what is sealed opens again under the same passphrase and salt, never the same text twice", async () => {
  const secrets = await createSecrets("open sesame");
  const sealed = secrets.encrypt('"hidden"');
  expect(sealed).not.toContain("hidden");
  expect(sealed).not.toBe(secrets.encrypt('"hidden"'));
  const reopened = await openSecrets("open sesame", secrets.salt);
  expect(reopened.decrypt(sealed)).toBe('"hidden"');
  await expect(openSecrets("open barley", secrets.salt)).rejects.toThrow("does not fit");
});

test("a salt that the CLI wrote", async () => {
  const salt = "v1:v8luHWw3IhQ=:v1:zgGscEAKRQNSxy2o:KDNmT2WYn+vl45IsQSX381tiZMvd+A==";
  const secrets = await openSecrets("secret", salt);
  expect(secrets.decrypt("v1:wlIL2xMbyUBvJa72:j8BcOGcPG5YtFhMOyqIsGJkjZ6rS0HS0Jw==")).toBe(
    '"hunter2"',
  );
});

test("a salt in another form is refused by its field", async () => {
  await expect(openSecrets("x", "v2:abc")).rejects.toMatchObject({ field: "encryptionsalt" });
});
