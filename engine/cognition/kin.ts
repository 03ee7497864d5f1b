/** Everyday English words that ask for the same thing: "Where is my home?" may mean what was told with "I live in …". */
import { stem } from "./stem.ts";

/** What people tell of themselves and ask for in other words; one line a notion. Not a thesaurus: each line costs precision. */
const notions = [
  "name call nickname christen",
  "live home house reside city town",
  "job work profession occupation trade career earn",
  "favourite prefer love like best enjoy adore fond",
  "food eat dish meal",
  "age old",
  "birthday born birth",
  "pet dog cat",
  "car vehicle drive",
  "wife husband spouse married partner",
  "mother mum mom",
  "father dad",
  "child children kid son daughter",
  "flight plane fly",
  "holiday vacation trip travel",
  "doctor physician",
  "buy bought purchase",
].map(line => line.split(" ").map(stem));

const kinOf = new Map<string, Set<string>>();
for (const notion of notions)
  for (const term of notion) {
    const kin = kinOf.get(term) ?? new Set();
    for (const other of notion) if (other !== term) kin.add(other);
    kinOf.set(term, kin);
  }

/** The terms that may stand for `term`; it is not among them. */
export function toKin(term: string): readonly string[] {
  return [...(kinOf.get(term) ?? [])];
}
