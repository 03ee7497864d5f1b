/** The grammar of sources: what is read, and what is said of what is not. */
import { expect, test } from "vitest";
import { parseSource } from "../../../engine/contract/source.ts";

const readable = {
  "bundled:echo-tiny": { scheme: "bundled", name: "echo-tiny" },
  "file:///models/a%20b.gguf": { scheme: "file", path: "/models/a b.gguf" },
  "https://host/x.gguf": { scheme: "https", url: "https://host/x.gguf" },
  "http://127.0.0.1:80/x.gguf": { scheme: "https", url: "http://127.0.0.1:80/x.gguf" },
  "hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q8_0.gguf": {
    scheme: "hf",
    owner: "Qwen",
    repository: "Qwen2.5-0.5B-Instruct-GGUF",
    file: "qwen2.5-0.5b-instruct-q8_0.gguf",
    revision: "main",
  },
  "hf:a/b/sub/c.gguf@v1": {
    scheme: "hf",
    owner: "a",
    repository: "b",
    file: "sub/c.gguf",
    revision: "v1",
  },
};

test.each(Object.entries(readable))("%s is read", (uri, source) => {
  expect(parseSource(uri)).toEqual(source);
});

const refused = {
  "": /no known scheme/,
  "echo-tiny": /no known scheme/,
  "bundled:Echo Tiny": /name of a model/,
  "file://host/x.gguf": /absolute path/,
  "file:x.gguf": /absolute path/,
  "http://host/x.gguf": /use https/,
  "https://user:secret@host/x.gguf": /credentials/,
  "hf:owner/file.gguf": /owner\/repo\/file/,
  "hf:o/r/../x.gguf": /owner\/repo\/file/,
  "oci://registry/model": /not served yet/,
  "file:///models/%zz.gguf": /write %25/,
  "openai:https://host/v1#%E0%A4": /write %25/,
};

test.each(Object.entries(refused))("%j is refused", (uri, message) => {
  expect(() => parseSource(uri)).toThrow(message);
});

test("a refusal never repeats credentials", () => {
  expect(() => parseSource("https://user:secret@host/x.gguf")).not.toThrow(/secret/);
});
