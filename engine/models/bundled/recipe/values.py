"""The values training talks about: mostly invented, in many scripts, so that copying is learned and not a vocabulary."""

import random
import string

SCRIPTS = {
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюя",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώς",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשתםןףץ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hindi": "अआइईउएओकखगघचछजझटठडणतथदधनपफबभमयरलवशषसह",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցփքօֆ",
    "kana": "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん"
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン",
    "thai": "กขคงจชซดตถทธนบปผฝพฟภมยรลวสหอฮ",
}
ACCENTED = "áàâãäåāăąæçćčďđéèêëēėęěğíìîïīįıłľñńňóòôõöøōőœřśšşșťţțúùûüūůűųýÿźżžßðþ"

ONSETS = (
    "b bl br c ch cl cr d dr f fl fr g gh gl gn gr h j k kh kl kn kr l ll m mn n p ph pl pr ps qu r rh s sc sh sk sl sm sn sp "
    "squ st str sv sw t th tl tr ts tw v vl w wh wr x y z zh zw"
).split() + [""]
NUCLEI = "a e i o u aa ae ai au ay ea ee ei eo ey ia ie io iu oa oe oi oo ou oy ua ue ui y".split() + list("aeiou") * 4
CODAS = [""] * 12 + "b ck ct d f ff g ggs ld lk ll lm lt m mp n nch nd ng nk nt p pt r rb rd rk rl rm rn rst rt s sk ss st t th tz v x z zz".split()

REAL = {
    "name": """Adam Agnes Albert Alice Amelia Amir Ana Andrei Anna Antonio Arjun Astrid Ben Benedikt Bella Bob Boris Bruno Camille Carlos
        Caroline Charlie Chen Chloe Clara Claire Daniel Daria David Diego Dora Edgar Elias Elif Eliza Ella Emil Emily Emma Enzo Erik Esther Eva
        Felix Finn Frank Freya Gabriel George Georgia Grace Hana Hannah Harry Hasan Heidi Helen Hugo Ida Igor Ines Irene Isaac Isabel Ivan
        Jack Jakob James Jane Jan Jasmine John Jonas Joseph Juan Julia Karim Karl Kate Keiko Kenji Klara Lars Laura Lea Lena Leo Leon Lily Lina
        Louis Lucas Lucia Luis Luna Maja Malik Marco Maria Marie Mark Marta Martin Mary Max Maya Mei Mia Michael Milan Mila Mohammed Mona Nathan
        Nico Nina Noah Nora Oliver Olivia Omar Otto Pablo Paul Peter Petra Philip Rachel Raj Rebecca Rita Robert Robin Roman Ruth Sally Sam Samuel
        Sandra Sara Sebastian Simon Sofia Sonja Sophie Stella Sven Sylvia Tariq Theo Thomas Tim Tom Tomas Uma Vera Victor Viktor Vincent Walter
        William Yara Yuki Zach Zara Zelda Rex Miso Pixel Luna Biscuit Shadow Whiskers Fluffy Ada Grace Alan Linus Anna-Lena Mary-Jane Jean-Luc
        Анна Иван Мария Сергей Наталья Пётр Αλέξανδρος Άννα Δημήτρης Σοφία Jürgen Renée Chloë Jiří Zdeněk Małgorzata Ömer Şeyma Nuño Håkon""",
    "city": """Amsterdam Athens Auckland Austin Bangkok Barcelona Basel Beijing Belgrade Bern Bilbao Bonn Boston Bratislava Brisbane Bristol Brussels
        Bucharest Budapest Cairo Calgary Chicago Cologne Copenhagen Dallas Delhi Denver Detroit Dresden Dublin Edinburgh Florence Frankfurt Geneva
        Genoa Glasgow Graz Hamburg Hanoi Havana Helsinki Houston Istanbul Jerusalem Johannesburg Karachi Kiel Kyiv Kyoto Lagos Lahore Leipzig Lima
        Linz Liverpool London Luxembourg Lyon Madrid Manchester Manila Marseille Melbourne Miami Milan Minsk Montreal Mumbai Munich Naples
        Nice Oxford Paris Perth Philadelphia Pisa Portland Prague Rome Rotterdam Salzburg Santiago Sarajevo Seattle Seoul Seville Shanghai
        Singapore Stockholm Stuttgart Sydney Taipei Tallinn Tampere Tehran Tokyo Trieste Tunis Turin Vancouver Venice Verona Vienna Wellington
        York Zadar München Köln Genève Łódź Gdańsk Århus Göteborg Київ Минск Одесса Θεσσαλονίκη Ρόδος São_Luís San_Francisco Los_Angeles
        New_Delhi Hong_Kong Rio_de_Janeiro San_José Kuala_Lumpur Tel_Aviv Saint_Petersburg Las_Vegas El_Paso""",
    "colour": """red blue green yellow orange purple pink brown black white grey gray gold silver teal turquoise cyan magenta maroon navy olive
        violet indigo crimson beige coral lime mint peach plum rust sand sepia tan ruby rose lemon azure bronze copper cream ebony emerald fuchsia
        jade ochre onyx pearl mustard aquamarine chartreuse vermilion cerulean dark_blue light_green pale_pink sky_blue bright_red deep_purple""",
    "food": """pizza pasta rice bread cheese soup salad sushi ramen curry tacos burritos noodles dumplings pancakes waffles lasagna risotto stew
        chili omelette pie toast porridge cake cookies apples bananas cherries grapes mangoes peaches plums strawberries carrots potatoes beans
        lentils tofu tempeh fish salmon tuna shrimp chicken beef lamb bacon sausages eggs yoghurt ice_cream chocolate honey popcorn pretzels
        spaghetti ravioli tortellini polenta paella gazpacho quiche ratatouille baguettes croissants strudel goulash pho kebab shawarma pita
        spring_rolls fried_rice apple_pie green_curry tomato_soup garlic_bread french_fries roast_potatoes crêpes gyoza żurek борщ σουβλάκι""",
    "job": """actor architect artist astronaut athlete banker barber barista biologist bricklayer builder bus_driver butcher cashier chef cleaner
        clerk coach cook dancer designer detective doctor economist editor electrician engineer explorer farmer firefighter fisherman florist
        forester guide hairdresser historian hunter illustrator inspector interpreter jeweller judge laboratory_technician lawyer lecturer
        lifeguard lumberjack magician mason mathematician mechanic midwife miller miner musician novelist nun officer painter pharmacist
        philosopher photographer physicist poet police_officer politician postman priest professor programmer psychologist researcher sailor
        salesman scientist secretary shepherd shoemaker singer soldier student surgeon tutor undertaker vet waiter watchmaker web_developer
        weaver writer zoologist taxi_driver stage_designer data_scientist piano_teacher""",
    "animal": """cat dog hamster rabbit parrot goldfish turtle snake lizard pony horse guinea_pig canary budgie ferret rat mouse gerbil spider
        scorpion frog toad pigeon goose hen cow sheep goat pig donkey llama alpaca fox owl raven crow hawk falcon crab snail stick_insect
        chameleon skunk hedgehog squirrel monkey koi carp bee poodle beagle terrier corgi kitten puppy""",
    "word": """anchor apple arrow autumn badge banner basil beacon berry bicycle blanket boat bottle bridge bucket button cable candle canyon carpet
        castle cedar chair chess circle clock cloud clover comet copper cotton crystal desert diamond dragon drum eagle echo ember engine falcon
        feather fern fiddle flute forest fountain galaxy garden ginger glacier granite guitar hammer harbour harvest hazel helmet hockey honey
        island ivory jacket jasmine jungle kettle kite ladder lagoon lantern lavender lemon lily magnet maple marble meadow melody mirror
        mountain nectar needle nutmeg oak ocean orchard orchid otter paddle paper pebble pepper piano pillow planet pocket prairie puzzle
        quartz rainbow ribbon river rocket rowing saddle saffron sailing scarf shadow silver skating spiral spring stone storm sugar summer sunset
        swimming tango temple tennis thunder tiger timber tulip tunnel umbrella valley velvet village violin walnut water whistle willow window
        winter wizard yoga zebra zephyr""",
}
REAL = {kind: [word.replace("_", " ") for word in text.split()] for kind, text in REAL.items()}
CAPITALISED = {"name", "city"}


def reserved(value: str) -> bool:
    """A quarter of all values belongs to the evaluation alone (FNV-1a, the same rule as in test/live/echo-tiny-values.ts)."""
    digest = 0x811C9DC5
    for byte in value.lower().encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return (digest >> 8) % 4 == 0


def syllables(rng: random.Random) -> str:
    count = rng.choice((1, 2, 2, 2, 3, 3, 4))
    return "".join(rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS) for _ in range(count))


def letters(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9)))


def accented(rng: random.Random) -> str:
    return "".join(rng.choice(ACCENTED) if rng.random() < 0.3 else letter for letter in syllables(rng))


def foreign(rng: random.Random) -> str:
    script = rng.choice(("cyrillic", "greek", "cyrillic", "greek", *SCRIPTS))
    return "".join(rng.choices(SCRIPTS[script], k=rng.randint(2, 7)))


def ideographs(rng: random.Random) -> str:
    first, last = rng.choice(((0x4E00, 0x9FA5), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3)))
    return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 4)))


def code(rng: random.Random) -> str:
    parts = ["".join(rng.choices(string.ascii_uppercase + string.digits, k=rng.randint(1, 5))) for _ in range(rng.randint(1, 3))]
    return rng.choice("-- _").join(parts).strip()


def word(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.70:
        return syllables(rng)
    if roll < 0.79:
        return letters(rng)
    if roll < 0.89:
        return accented(rng)
    if roll < 0.985:
        return foreign(rng)
    return ideographs(rng)


def invented(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.80:
        return word(rng)
    if roll < 0.87:
        return word(rng) + "-" + word(rng)
    if roll < 0.96:
        return word(rng) + " " + word(rng)
    if roll < 0.98:
        return rng.choice("oOdD") + "'" + word(rng)
    return code(rng)


def digits(rng: random.Random, most: int = 7) -> str:
    """A number; digits that repeat are drawn often, for they are the hardest to copy."""
    if rng.random() < 0.2:
        return rng.choice("123456789") + "".join(rng.choices(rng.sample("0123456789", 2), k=rng.randint(1, most - 1)))
    return str(rng.randint(1, 10 ** rng.randint(1, most) - 1))


def dressed(rng: random.Random, kind: str, value: str) -> str:
    """Capital letters the way people write them: names and places mostly, other things seldom."""
    if kind in CAPITALISED:
        return " ".join(part[:1].upper() + part[1:] for part in value.split(" ")) if rng.random() < 0.95 else value
    return value.capitalize() if rng.random() < 0.04 else value


def candidate(rng: random.Random, kind: str) -> str:
    if kind == "age":
        return str(rng.randint(1, 110)) if rng.random() < 0.85 else str(11 * rng.randint(1, 9))
    if kind == "number":
        return digits(rng)
    if kind == "code":
        return rng.choice((code, digits, invented))(rng)
    roll = rng.random()
    if roll < 0.34:
        return rng.choice(REAL.get(kind, REAL["word"]))
    if roll < 0.46 and kind in ("food", "colour", "job", "animal", "city", "word"):
        return " ".join([*rng.sample(REAL["word"], rng.choice((1, 1, 2))), rng.choice(REAL[kind])])
    return dressed(rng, kind, invented(rng))


def value(rng: random.Random, kind: str, used: set[str]) -> str:
    """A value for training: never a reserved one, and never one that is part of another in the same conversation."""
    while True:
        made = candidate(rng, kind)
        if made and not reserved(made) and not any(made.lower() in other.lower() or other.lower() in made.lower() for other in used):
            used.add(made)
            return made
