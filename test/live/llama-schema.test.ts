/** Whatever a model of random weights says, a schema holds it: the grammars are what they claim to be. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonSchema, JsonValue } from "../../engine/contract/chat.ts";
import { collect, doneOf, textOf } from "../conformance/backend.ts";
import { createModelFolder, type OpenedModel, openModel } from "./llama-support.ts";

const short = { type: "string", maxLength: 6 };
const cases: [name: string, schema: JsonSchema, holds: (value: JsonValue) => unknown][] = [
  [
    "an integer range",
    { type: "integer", minimum: -20, maximum: 115 },
    value => isBetween(value, -20, 115),
  ],
  [
    "an enum",
    { enum: ["red", 'b"lue', null] },
    value => ["red", 'b"lue', null].includes(value as string),
  ],
  [
    "lengths",
    { type: "string", minLength: 2, maxLength: 5 },
    value => isBetween([...String(value)].length, 2, 5),
  ],
  ["a date", { type: "string", format: "date" }, value => /^\d{4}-\d\d-\d\d$/.test(String(value))],
  [
    "a time stamp",
    { type: "string", format: "date-time" },
    value => /^\d{4}-.*T/.test(String(value)),
  ],
  [
    "a choice",
    { anyOf: [{ type: "null" }, { type: "boolean" }] },
    value => value === null || typeof value === "boolean",
  ],
  [
    "item counts",
    { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 4 },
    value => isBetween((value as JsonValue[]).length, 2, 4),
  ],
  [
    "a tuple",
    { type: "array", prefixItems: [short, { const: 3 }] },
    value => (value as JsonValue[])[1] === 3 && (value as JsonValue[]).length === 2,
  ],
  [
    "required and optional properties",
    {
      type: "object",
      properties: { a: short, b: { type: "integer", minimum: 0, maximum: 9 }, c: { type: "null" } },
      required: ["b"],
    },
    value =>
      keysOf(value).includes("b") && keysOf(value).every(key => ["a", "b", "c"].includes(key)),
  ],
  [
    "references",
    {
      $ref: "#/$defs/pair",
      $defs: {
        pair: { type: "object", properties: { x: { $ref: "#/$defs/n" } }, required: ["x"] },
        n: { type: "integer", minimum: 1, maximum: 3 },
      },
    },
    value => isBetween((value as { x: number }).x, 1, 3),
  ],
  [
    "all of two",
    {
      allOf: [
        { type: "object", properties: { a: { const: 1 } }, required: ["a"] },
        { properties: { b: { const: 2 } }, required: ["b"] },
      ],
    },
    value => JSON.stringify(value) === '{"a":1,"b":2}',
  ],
];

describe("schemas", () => {
  const models = createModelFolder();
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModel(models.write("tiny", { seed: 3, contextLength: 512 }), { slots: 4 });
  });
  afterAll(async () => {
    await opened.backend.close();
    models.remove();
  });

  for (const [name, schema, holds] of cases)
    it(`hold ${name}`, async () => {
      const replies = [1, 2, 3, 4].map(async seed => {
        const items = await collect(opened.backend, {
          input: { kind: "prompt", prompt: "Fill in" },
          format: { type: "schema", schema },
          sampling: { temperature: 1, seed },
          maxTokens: 300,
          cacheScope: "s",
        });
        expect(doneOf(items).reason).toBe("stop");
        const text = textOf(items);
        expect(holds(JSON.parse(text)), text).toBe(true);
        expect(text).not.toContain("\n");
      });
      await Promise.all(replies);
    });

  it("refuses a schema without end", async () => {
    const request = {
      input: { kind: "prompt" as const, prompt: "x" },
      format: { type: "schema" as const, schema: { anyOf: [{ $ref: "#" }] } },
      cacheScope: "s",
    };
    await expect(collect(opened.backend, request)).rejects.toMatchObject({ code: "unsupported" });
    expect(
      doneOf(await collect(opened.backend, { ...request, format: { type: "text" }, maxTokens: 2 }))
        .type,
    ).toBe("done");
  });
});

function isBetween(value: JsonValue, low: number, high: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= low && value <= high;
}

function keysOf(value: JsonValue): string[] {
  return Object.keys(value as { [key: string]: JsonValue });
}
