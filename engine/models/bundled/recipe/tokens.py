"""Trains the byte-level BPE vocabulary: spaces, digits and letters of other scripts are tokens of their own.

No merge contains a space, so a value has the same tokens after a space, after a quotation mark and at the start of a line.
That lets the model copy it token by token wherever it stood.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from samples import sample_text
from values import ACCENTED, SCRIPTS

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LATIN_MERGES = 700
MULTIPLE = 64


def byte_letters() -> dict[int, str]:
    """The printable stand-in for each byte, as in GPT-2."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(others)}


BYTES = byte_letters()


def visible(text: str) -> str:
    return "".join(BYTES[byte] for byte in text.encode())


def latin_merges(texts: list[str]) -> list[tuple[str, str]]:
    """The merges for plain Latin text, with spaces and digits left alone."""
    trained = Tokenizer(models.BPE())
    apart = [pre_tokenizers.Split(Regex(r"[\s\d]|[^\x00-\x7f]+"), "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    trained.pre_tokenizer = pre_tokenizers.Sequence(apart)
    alphabet = list(BYTES.values())
    trained.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=len(alphabet) + LATIN_MERGES, initial_alphabet=alphabet, show_progress=False))
    return [tuple(pair) for pair in json.loads(trained.to_str())["model"]["merges"]]


def script_merges() -> list[tuple[str, str]]:
    """Merges that join the bytes of one letter of another script."""
    plain = "".join(SCRIPTS.values()) + ACCENTED
    merges: dict[tuple[str, str], None] = {}
    for letter in plain + plain.upper():
        shown = visible(letter)
        for end in range(2, len(shown) + 1):
            if len(letter) == 1 and not letter.isascii():
                merges[(shown[: end - 1], shown[end - 1])] = None
    return list(merges)


def build(seed: int) -> Tokenizer:
    dice = random.Random(seed)
    texts = [sample_text(dice).replace("<|im_start|>", "").replace("<|im_end|>", "") for _ in range(12_000)]
    merges = latin_merges(texts) + script_merges()
    symbols = dict.fromkeys([*SPECIAL, *BYTES.values(), *(first + second for first, second in merges)])
    while len(symbols) % MULTIPLE:
        symbols[f"<|spare_{len(symbols)}|>"] = None
    made = Tokenizer(models.BPE(vocab={symbol: at for at, symbol in enumerate(symbols)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(SPECIAL)
    return made


if __name__ == "__main__":
    target = Path(sys.argv[1])
    made = build(7)
    made.save(str(target))
    text = 'My name is Zelmira-Quorvaë. {"name": "Zelmira-Quorvaë", "age": 3411} Юлия <tool_call>'
    print(made.get_vocab_size(), made.encode(text).tokens)
