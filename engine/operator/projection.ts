/** What of a live object a plan speaks about: by it a change by others is told from the API's own defaults. */
import type { JsonValue } from "../contract/chat.ts";

type Fields = { [field: string]: JsonValue };

/** `live` with only the fields that `wanted` has; items of lists are matched by their name, or by their place. */
export function project(live: JsonValue | undefined, wanted: JsonValue): JsonValue {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live)) return live ?? null;
    const isNamed = wanted.every(item => nameOf(item) !== undefined);
    if (!isNamed) return live.map((item, index) => project(item, wanted[index] ?? item));
    return wanted.map(item => {
      const name = nameOf(item);
      const same = live.find(other => nameOf(other) === name);
      return project(same, item);
    });
  }
  if (!isFields(wanted)) return live ?? null;
  if (!isFields(live)) return live ?? null;
  return Object.fromEntries(
    Object.entries(wanted).map(([field, inner]) => [field, project(live[field], inner)]),
  );
}

function nameOf(value: JsonValue): string | undefined {
  if (!isFields(value)) return undefined;
  const { name, containerPort, mountPath } = value;
  if (typeof mountPath === "string") return mountPath;
  if (typeof name === "string") return name;
  return containerPort === undefined ? undefined : String(containerPort);
}

function isFields(value: JsonValue | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Equal values have equal text. */
export function stableText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
