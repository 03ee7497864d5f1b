// The values the evaluation of echo-tiny asks about: invented and real words that its training never contained.

export type Draw = {
  next(): number;
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
  sample<T>(from: readonly T[], count: number): T[];
  chance(probability: number): boolean;
};

/** A small seeded generator (mulberry32), so that every run asks the same questions. */
export function draw(seed: number): Draw {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(from: readonly T[]): T => {
    const item = from[below(from.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  const sample = <T>(from: readonly T[], count: number): T[] => {
    const rest = [...from];
    return Array.from(
      { length: Math.min(count, rest.length) },
      () => rest.splice(below(rest.length), 1)[0] as T,
    );
  };
  return { next, below, pick, sample, chance: probability => next() < probability };
}

/** A quarter of all values is kept from training by this rule (FNV-1a); the recipe holds the same rule. */
export function isReserved(value: string): boolean {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(value.toLowerCase()))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return (hash >>> 8) % 4 === 0;
}

export type ValueKind =
  | "name"
  | "city"
  | "colour"
  | "food"
  | "job"
  | "petKind"
  | "petName"
  | "age"
  | "number";

const words = (text: string): string[] => text.trim().split(/\s*,\s*/u);

const realNames =
  words(`Alice, Bob, Carla, Dmitri, Elena, Farid, Greta, Hiroshi, Ingrid, Jamal, Katya, Liam, Mateo, Nadia, Oscar, Priya,
  Quentin, Rosa, Stefan, Tamara, Umberto, Valeria, Wanda, Xavier, Yusuf, Zainab, Zoë, Søren, Łukasz, Björn, François, José, Åsa, Çelik,
  Юлия, Дмитрий, Ольга, Борис, Ирина, Μαρία, Νίκος, Ελένη, Γιώργος, Ivy, Gwen, Piotr, Anouk, Thandiwe, Kwame, Ngozi, Aisha, Bronwyn,
  Cillian, Delphine, Emeka, Fatima, Gunnar, Henrietta, Ismail, Jacinta, Kofi, Lorenzo, Magnus, Noor, Olu, Paloma, Rafael, Sunniva, Tadeo`);
const realCities =
  words(`Berlin, Lisbon, Nairobi, Osaka, Quito, Reykjavik, Toronto, Utrecht, Valencia, Warsaw, Zagreb, Accra, Bogotá, Kraków,
  Zürich, Malmö, Tromsø, São Paulo, New York, Cape Town, Buenos Aires, Москва, Казань, Αθήνα, Πάτρα, Dakar, Ghent, Hobart, Jakarta, Kigali,
  Leeds, Montevideo, Nantes, Oslo, Porto, Riga, Sofia, Tbilisi, Ulm, Vilnius, Windhoek, Yerevan, Bergen, Cork, Dunedin, Essen, Fukuoka`);
const realColours =
  words(`teal, ochre, crimson, lavender, blue, green, orange, maroon, turquoise, ivory, magenta, indigo, olive, beige, coral,
  scarlet, mauve, khaki, amber, cyan, violet, sapphire, burgundy, navy blue, forest green, charcoal, salmon, lilac, bleu, зелёный, κόκκινο`);
const realFoods =
  words(`pizza, ramen, lasagna, pierogi, tacos, couscous, paella, sushi, falafel, risotto, gnocchi, hummus, kimchi, borscht,
  goulash, dumplings, pancakes, mango, lentil soup, rye bread, crème brûlée, jalapeños, fish curry, moussaka, шашлык, tabbouleh, ceviche,
  biryani, waffles, feijoada, pho, poutine, haggis, samosas, schnitzel, tempura, laksa, arepas`);
const realJobs =
  words(`baker, nurse, beekeeper, plumber, pilot, geologist, librarian, carpenter, translator, welder, botanist, teacher, farmer,
  locksmith, cartographer, dentist, glassblower, paramedic, tailor, surveyor, violinist, accountant, sculptor, train driver, park ranger,
  software tester, optician, blacksmith, chemist, diver, gardener, journalist, potter, referee, sailor, upholsterer`);
const realPets =
  words(`cat, dog, rabbit, ferret, parrot, hamster, tortoise, gecko, goldfish, chinchilla, canary, iguana, hedgehog, donkey, goat,
  guinea pig, ball python, cockatoo, axolotl, newt, pony, budgie, tarantula, rat, duck, llama, mouse, snail, mule`);

const onsets = [
  "b",
  "br",
  "c",
  "d",
  "dr",
  "f",
  "g",
  "gl",
  "h",
  "j",
  "k",
  "kl",
  "l",
  "m",
  "n",
  "p",
  "pr",
  "qu",
  "r",
  "s",
  "sh",
  "st",
  "t",
  "tr",
  "v",
  "w",
  "x",
  "y",
  "z",
];
const nuclei = ["a", "e", "i", "o", "u", "ae", "ai", "ea", "io", "ou", "y"];
const codas = ["", "", "", "n", "r", "l", "s", "m", "x", "th", "nd", "k"];
const accents: Record<string, string> = {
  a: "á",
  e: "ë",
  i: "í",
  o: "ø",
  u: "ü",
  n: "ñ",
  c: "č",
  s: "ś",
  l: "ł",
  z: "ž",
};
const alphabets = [[..."абвгдежзиклмнопрстуфхшя"], [..."αβγδεζηθικλμνξοπρστφχψω"]];

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function syllables(random: Draw): string {
  const count = 2 + random.below(2);
  return Array.from(
    { length: count },
    () => random.pick(onsets) + random.pick(nuclei) + random.pick(codas),
  ).join("");
}

function accented(random: Draw): string {
  return [...syllables(random)]
    .map(letter => (random.chance(0.35) ? (accents[letter] ?? letter) : letter))
    .join("");
}

function foreign(random: Draw): string {
  const alphabet = random.pick(alphabets);
  return Array.from({ length: 4 + random.below(4) }, () => random.pick(alphabet)).join("");
}

function invented(random: Draw): string {
  const roll = random.next();
  if (roll < 0.72) return syllables(random);
  if (roll < 0.84) return accented(random);
  if (roll < 0.92) return foreign(random);
  return `${syllables(random)}-${syllables(random)}`;
}

const real: Record<Exclude<ValueKind, "age" | "number">, readonly string[]> = {
  name: realNames,
  city: realCities,
  colour: realColours,
  food: realFoods,
  job: realJobs,
  petKind: realPets,
  petName: realNames,
};

function candidate(random: Draw, kind: ValueKind): string {
  if (kind === "age") return String(7 + random.below(90));
  if (kind === "number")
    return String(10 ** (1 + random.below(6)) + random.below(899_999)).slice(
      0,
      2 + random.below(5),
    );
  if (random.chance(0.4)) return random.pick(real[kind]);
  const word = invented(random);
  return kind === "name" || kind === "city" || kind === "petName" ? capital(word) : word;
}

/** A value of a kind that training never contained and that shares no text with the values already used. */
export function unseenValue(random: Draw, kind: ValueKind, used: Set<string>): string {
  for (;;) {
    const value = candidate(random, kind);
    const clash = [...used].some(other => other.includes(value) || value.includes(other));
    if (!isReserved(value) || clash) continue;
    used.add(value);
    return value;
  }
}
