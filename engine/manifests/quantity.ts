/** Quantities as Kubernetes writes them: read as numbers, written in whole mebibytes. */
import { EngineError } from "../contract/errors.ts";

const factors: Record<string, number> = {
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

export const mebibyte = 2 ** 20;

/** Cores or bytes. @throws EngineError invalid_config */
export function parseQuantity(text: string): number {
  const [, digits, suffix = ""] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = factors[suffix];
  if (digits === undefined || factor === undefined)
    throw new EngineError("invalid_config", `"${text}" is no quantity.`, {
      remedy: "Write one such as 500m, 2, 512Mi or 20Gi.",
    });
  return Number(digits) * factor;
}

/** At least so many bytes, in whole mebibytes: `1536Mi`. */
export function toMebibytes(bytes: number): string {
  return `${Math.max(1, Math.ceil(bytes / mebibyte))}Mi`;
}

/** Cores in thousandths: `1500m`. */
export function toMillicores(cores: number): string {
  return Number.isInteger(cores) ? String(cores) : `${Math.ceil(cores * 1000)}m`;
}

/** For sentences: `1.9 GiB`. */
export function sayBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return `${Math.ceil(bytes / mebibyte)} MiB`;
}
