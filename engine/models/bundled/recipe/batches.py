"""Packs conversations into rows of 256 to 2,048 tokens, in a process of its own, always the same ones for a seed."""

import multiprocessing
import random
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from samples import Piece, sample

LENGTHS = (256, 512, 1024, 2048)
TOKENS = 2048
PLACES = 1024
OPEN_ROWS = 60
SMALL_GAP = 12


def encoded(tokenizer: Tokenizer, pieces: list[Piece]) -> tuple[list[int], list[bool]]:
    tokens: list[int] = []
    learned: list[bool] = []
    for text, learn in pieces:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        tokens += ids
        learned += [learn] * len(ids)
    return tokens, learned


class Row:
    """One row of a batch while it is being filled."""

    def __init__(self, length: int) -> None:
        self.size = length + 1
        self.tokens: list[int] = []
        self.documents: list[int] = []
        self.learned: list[bool] = []
        self.count = 0

    def add(self, tokens: list[int], learned: list[bool]) -> None:
        self.count += 1
        self.tokens += tokens
        self.documents += [self.count] * len(tokens)
        self.learned += [False, *learned[1:]]

    def room(self) -> int:
        return self.size - len(self.tokens)

    def padded(self) -> tuple[list[int], list[int], list[bool]]:
        rest = self.room()
        return self.tokens + [0] * rest, self.documents + [0] * rest, self.learned + [False] * rest


def arrays(rows: list[Row]) -> dict[str, np.ndarray]:
    tokens, documents, learned = (np.array(part) for part in zip(*(row.padded() for row in rows)))
    places = np.flatnonzero(learned[:, 1:].reshape(-1))[:PLACES]
    counts = np.zeros(PLACES, np.float32)
    counts[: len(places)] = 1
    return {
        "tokens": tokens.astype(np.int32), "documents": documents.astype(np.int32),
        "places": np.pad(places, (0, PLACES - len(places))).astype(np.int32), "counts": counts,
    }


def best_row(open_rows: dict[int, list[Row]], length: int, needed: int) -> Row:
    """A longer row that this nearly fills, else the fullest row of its own length; short rows are cheaper, so they are preferred."""
    fitting = [row for row in open_rows[length] if row.room() >= needed]
    nearly = [row for rows in open_rows.values() for row in rows if needed <= row.room() <= needed + SMALL_GAP]
    if nearly or fitting:
        return min(nearly or fitting, key=Row.room)
    open_rows[length].append(Row(length))
    return open_rows[length][-1]


def batches(vocabulary: Path, seed: int, long_share: float, longest: int = LENGTHS[-1]):
    """Endless batches of about 2,048 tokens, each of rows of one length."""
    tokenizer = Tokenizer.from_file(str(vocabulary))
    dice = random.Random(seed)
    open_rows: dict[int, list[Row]] = {length: [] for length in LENGTHS}
    while True:
        tokens, learned = encoded(tokenizer, sample(dice, dice.random() < long_share))
        length = next((length for length in LENGTHS if len(tokens) <= length <= longest), None)
        if length is None:
            continue
        best_row(open_rows, length, len(tokens)).add(tokens, learned)
        rows, wanted = open_rows[length], TOKENS // length
        if len(rows) >= wanted + OPEN_ROWS * 512 // max(512, length):
            rows.sort(key=Row.room)
            yield arrays(rows[:wanted])
            del rows[:wanted]


def _work(vocabulary: Path, seed: int, long_share: float, longest: int, queue: multiprocessing.Queue) -> None:
    for batch in batches(vocabulary, seed, long_share, longest):
        queue.put(batch)


def in_background(vocabulary: Path, seed: int, long_share: float, longest: int):
    queue: multiprocessing.Queue = multiprocessing.get_context("spawn").Queue(maxsize=64)
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(vocabulary, seed, long_share, longest, queue), daemon=True)
    worker.start()
    while True:
        yield queue.get()
