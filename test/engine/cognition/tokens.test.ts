/** Terms, stems and speech. */
import { expect, test } from "vitest";
import { toSpeech } from "../../../engine/cognition/speech.ts";
import { stem } from "../../../engine/cognition/stem.ts";
import { toTerms } from "../../../engine/cognition/tokens.ts";
import { limits } from "../../../engine/contract/limits.ts";

const termsOf = (text: string) => [...toTerms(text).keys()];

test("inflections of one word meet", () => {
  const families = [
    ["live", "lives", "living", "lived"],
    ["name", "names", "named", "naming"],
    ["hop", "hops", "hopped", "hopping"],
    ["city", "cities"],
    ["class", "classes"],
    ["colour", "color", "colours", "colors"],
    ["favourite", "favorite", "favorites"],
    ["create", "creating", "created"],
    ["work", "works", "working", "worked"],
    ["dog", "dogs"],
  ];
  for (const family of families) expect(new Set(family.map(stem)).size, family.join()).toBe(1);
});

test("words that differ stay apart, and short ones whole", () => {
  expect(new Set(["bus", "his", "red", "sing", "king", "rose", "ring", "ice"].map(stem)).size).toBe(
    8,
  );
});

test("questions keep their content word", () => {
  expect(termsOf("What is my name?")).toEqual(["nam"]);
  expect(termsOf("Where do I live?")).toEqual(["liv"]);
  expect(termsOf("I live in Quorra.")).toEqual(["liv", "quorra"]);
  expect(termsOf("Who am I?")).toEqual([]);
});

test("case, width, accents, possessives and apostrophes do not matter", () => {
  expect(termsOf("Café ＡＢＣ Zelmira's")).toEqual(["caf", "abc", "zelmira"]);
  expect(termsOf("café")).toEqual(termsOf("cafe"));
  expect(termsOf("I don’t, I'm")).toEqual([]);
});

test("letters and digits are told apart, and counted", () => {
  expect([...toTerms("gpt4 gpt 4 4")]).toEqual([
    ["gpt", 2],
    ["4", 3],
  ]);
});

test("scripts without spaces become pairs", () => {
  expect(termsOf("東京都")).toEqual(["東京", "京都"]);
  expect(termsOf("私はnodeが好き")).toEqual(["私は", "が好", "好き", "nod"]);
  expect(termsOf("猫")).toEqual(["猫"]);
  expect(termsOf("Привет мир")).toEqual(["привет", "мир"]);
});

test("terms are bounded in number and length, whatever the text", () => {
  const many = Array.from(
    { length: 10_000 },
    (_, index) => `w${"abcdefghij"[index % 10]}x${index}`,
  );
  expect(toTerms(many.join(" ")).size).toBe(limits.eventTermsMax);
  expect(termsOf("a".repeat(1_000_000))[0]).toHaveLength(limits.termCharactersMax);
  expect(termsOf("\ud800\u0000\uffff ☃ ---")).toEqual([]);
});

test("a megabyte of hostile text takes no hostile time", () => {
  for (const piece of ["'s", "a".repeat(50), "?", ". ", "\u0301", "東", "don't know ", "what "])
    toSpeech("assistant", piece.repeat(1_000_000 / piece.length)) && toTerms(piece.repeat(20_000));
});

test("speech: what tells, what asks, what does not know", () => {
  expect(toSpeech("user", "My name is Zelmira.")).toBe("statement");
  expect(toSpeech("user", "What is my name?")).toBe("question");
  expect(toSpeech("user", "Hello! what is my name")).toBe("question");
  expect(toSpeech("user", "Tell me where I live")).toBe("question");
  expect(toSpeech("user", "My name is Bo. What can you do?")).toBe("statement");
  expect(toSpeech("assistant", "I don't know your name yet.")).toBe("ignorance");
  expect(toSpeech("assistant", "You have not told me that.")).toBe("ignorance");
  expect(toSpeech("assistant", "Your name is Zelmira.")).toBe("statement");
  expect(toSpeech("user", "I don't know Bo.")).toBe("statement");
  expect(toSpeech("user", "私の名前は？")).toBe("question");
  expect(toSpeech("tool", "what?")).toBe("statement");
});
