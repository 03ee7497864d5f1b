/** Secrets at rest, as Pulumi's passphrase provider keeps them: AES-256-GCM under a key that is derived from the passphrase. */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { EngineError } from "../../engine/contract/errors.ts";

const derivations = 1_000_000;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export interface Secrets {
  /** Kept beside the ciphertexts: the salt, and a word that only the right passphrase decrypts. */
  salt: string;
  encrypt(text: string): string;
  decrypt(ciphertext: string): string;
}

function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  return promisify(pbkdf2)(passphrase, salt, derivations, keyBytes, "sha256");
}

function seal(key: Buffer, text: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
}

function open(key: Buffer, ciphertext: string): string {
  const [version, nonce, sealed] = ciphertext.split(":");
  if (version !== "v1" || nonce === undefined || sealed === undefined) {
    throw new EngineError("invalid_config", "a secret is not in the form v1:nonce:ciphertext");
  }
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  return decipher.update(bytes.subarray(0, -tagBytes), undefined, "utf8") + decipher.final("utf8");
}

function toSecrets(key: Buffer, salt: string): Secrets {
  return { salt, encrypt: text => seal(key, text), decrypt: ciphertext => open(key, ciphertext) };
}

/** A new salt for `passphrase`. */
export async function createSecrets(passphrase: string): Promise<Secrets> {
  const salt = randomBytes(8);
  const key = await deriveKey(passphrase, salt);
  return toSecrets(key, `v1:${salt.toString("base64")}:${seal(key, "pulumi")}`);
}

/** The secrets that were kept under `salt`; refuses another passphrase. */
export async function openSecrets(passphrase: string, salt: string): Promise<Secrets> {
  const [version, random, ...word] = salt.split(":");
  if (version !== "v1" || random === undefined || word.length !== 3) {
    throw new EngineError("invalid_config", "encryptionsalt is not in the form v1:salt:v1:…", {
      field: "encryptionsalt",
      remedy: "Put back the line `encryptionsalt` as it was; secrets cannot be read without it.",
    });
  }
  const key = await deriveKey(passphrase, Buffer.from(random, "base64"));
  if (!isWord(key, word.join(":"))) {
    throw new EngineError("invalid_config", "the passphrase does not fit the stack's secrets", {
      remedy:
        "Put back the passphrase file (or PULUMI_CONFIG_PASSPHRASE) this stack was made with.",
    });
  }
  return toSecrets(key, salt);
}

function isWord(key: Buffer, ciphertext: string): boolean {
  try {
    return open(key, ciphertext) === "pulumi";
  } catch {
    return false;
  }
}
