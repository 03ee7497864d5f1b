/** Schemas become grammars of one compact line; what cannot be held is refused by name. */
import { describe, expect, it } from "vitest";
import type { JsonSchema } from "../../../../engine/contract/chat.ts";
import { limits } from "../../../../engine/contract/limits.ts";
import { toReplyGrammar } from "../../../../engine/inference/llama/grammar.ts";
import { integerRange } from "../../../../engine/inference/llama/grammar-ranges.ts";

const ofSchema = (schema: JsonSchema) =>
  toReplyGrammar({
    format: { type: "schema", schema },
    tools: [],
    mustCall: false,
    toolForm: "hermes",
  });

describe("grammar", () => {
  it("is none for free text", () => {
    const free = { format: { type: "text" as const }, tools: [{ name: "f" }], mustCall: false };
    expect(toReplyGrammar({ ...free, toolForm: "hermes" })).toBeUndefined();
  });

  it("writes properties in order, with json.dumps's separators", () => {
    const properties = { a: { type: "string" }, b: { const: 1 } };
    const text = ofSchema({ type: "object", properties, required: ["a", "b"] });
    expect(text).toContain('r0 ::= "\\"a\\": " (string)');
    expect(text).toContain('r1 ::= "\\"b\\": " ("1")');
    expect(text).toContain('", " r1');
  });

  it("holds a forced call to the tool's name and arguments", () => {
    const tools = [{ name: "paint" }];
    const wish = { format: { type: "text" as const }, tools, mustCall: true };
    expect(toReplyGrammar({ ...wish, toolForm: "hermes" })).toContain('"<tool_call>"');
    expect(toReplyGrammar({ ...wish, toolForm: "bare" })).toContain('\\"parameters\\": ');
  });

  const refused: [schema: JsonSchema, field: string][] = [
    [{ type: "string", pattern: "a+" }, "format.schema.pattern"],
    [{ type: "object", properties: { x: { not: {} } } }, "format.schema.properties.x.not"],
    [{ type: "number", maximum: 3 }, "format.schema"],
    [{ type: "string", format: "ipv6" }, "format.schema.format"],
    [{ anyOf: [{ type: "null" }], required: ["a"] }, "format.schema.required"],
    [{ type: "tuple" }, "format.schema.type"],
    [{ $ref: "https://elsewhere/schema" }, "format.schema.$ref"],
    [{ type: "string", maxLength: 100_000 }, "format.schema.maxLength"],
    [{ type: "string", minLength: 10, maxLength: 2 }, "format.schema.maxLength"],
    [{ type: "integer", minimum: 1e20 }, "format.schema"],
    [{ type: "integer", minimum: -1e20, maximum: -1e18 }, "format.schema"],
  ];
  for (const [schema, field] of refused)
    it(`refuses ${JSON.stringify(schema)}`, () => {
      expect(() => ofSchema(schema)).toThrow(
        expect.objectContaining({ code: "unsupported", field }),
      );
    });

  it("refuses what is no schema", () => {
    const wrong = expect.objectContaining({ code: "invalid_request" });
    expect(() => ofSchema({ type: "object", properties: 3 })).toThrow(wrong);
    expect(() => ofSchema({ $ref: "#/$defs/none" })).toThrow(wrong);
    expect(() => ofSchema({ $ref: "#/%" })).toThrow(wrong);
    expect(() => ofSchema({ $ref: "#/__proto__" })).toThrow(wrong);
    expect(() => ofSchema({ enum: [] })).toThrow(wrong);
    expect(() => ofSchema({ enum: "a" })).toThrow(wrong);
    expect(() => ofSchema({ type: "array", minItems: -1 })).toThrow(wrong);
  });

  it("refuses schemas that are too deep or too large", () => {
    let deep: JsonSchema = { type: "string" };
    for (let depth = 0; depth <= limits.schemaDepthMax; depth++) deep = { properties: { x: deep } };
    expect(() => ofSchema(deep)).toThrow(/deeper/);
    const many = new Array<string>(limits.schemaNodesMax + 1).fill("x");
    expect(() => ofSchema({ enum: many })).toThrow(/parts/);
  });

  it("ends with a schema that refers to itself", () => {
    const schema = {
      type: "object",
      properties: { next: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
    };
    expect(ofSchema(schema)?.length).toBeLessThan(2_000);
  });
});

describe("integer ranges", () => {
  const ranges: [number, number][] = [
    [0, 0],
    [0, 9],
    [1, 10],
    [5, 123],
    [99, 101],
    [0, 255],
    [-7, 12],
    [-120, -3],
    [1_900, 2_100],
    [17, 17],
  ];
  for (const [low, high] of ranges)
    it(`hold ${low} to ${high} and nothing else`, () => {
      const pattern = toPattern(integerRange(low, high));
      for (let value = low - 130; value <= high + 130; value++)
        expect(pattern.test(String(value)), String(value)).toBe(value >= low && value <= high);
      expect(pattern.test("007")).toBe(false);
    });

  it("take bounds beyond 15 digits for none", () => {
    const pattern = toPattern(integerRange(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
    expect(["0", "-12", "999999999999999"].every(text => pattern.test(text))).toBe(true);
  });
});

/** Rules without references are regular expressions but for the quotes and spaces. */
function toPattern(rule: string | undefined): RegExp {
  return new RegExp(`^(?:${rule?.replaceAll('"', "").replaceAll(" ", "")})$`);
}
