"""Packs conversations into rows of 256 to 2,048 tokens, in a process of its own, always the same ones for a seed."""

import multiprocessing
import random
import re
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from samples import TOLD, Piece, sample

LENGTHS = (256, 512, 1024, 2048)
TOKENS = 2048
PLACES = 1024
OPEN_ROWS = 60
SMALL_GAP = 12


LINE = re.compile(r"^- \[(\d{4})-(\d\d)-(\d\d)\] .*$", re.MULTILINE)
TOOL = re.compile(r"^([\w.-]+)\([^()\n]*\): .*$", re.MULTILINE)
CALL = re.compile(r'^<tool_call>\{"name": "([^"]+)"')
NOTHING = float("nan")


class Encoded:
    """The tokens of a conversation: which are learned, and for the side tasks the date and the fact of their line and the name of their tool."""

    def __init__(self, tokenizer: Tokenizer, pieces: list[Piece], told: dict[str, int]) -> None:
        self.tokens: list[int] = []
        self.learned: list[bool] = []
        self.dates: list[float] = []
        self.names: list[tuple[int, int]] = []
        self.facts: list[int] = []
        role = ""
        for text, learn in pieces:
            made = tokenizer.encode(text, add_special_tokens=False)
            if learn and (called := CALL.match(text)):
                name = self.ends_of(tokenizer, called.group(1))
                self.names[-3:] = [name] * 3
            self.tokens += made.ids
            self.learned += [learn] * len(made.ids)
            dates, names = [NOTHING] * len(made.ids), [(-1, -1)] * len(made.ids)
            if "\n- [" in text:
                for line in LINE.finditer(text):
                    year, month, day = (int(part) for part in line.groups())
                    self.spread(made.offsets, line.start() + 14, line.end(), dates, year - 2025.5 + (month - 1) / 12 + day / 365)
            if "Tools:\n" in text:
                for line in TOOL.finditer(text):
                    self.spread(made.offsets, line.end(1), line.end(), names, self.ends_of(tokenizer, line.group(1)))
            facts = [-1] * len(made.ids)
            for value, number in told.items() if role == "<|im_start|>user\n" else ():
                start = text.find(value)
                if start >= 0:
                    end = text.find("\n", start)
                    self.spread(made.offsets, start, end if end >= 0 else len(text), facts, number)
            role = text
            self.dates += dates
            self.names += names
            self.facts += facts

    @staticmethod
    def ends_of(tokenizer: Tokenizer, name: str) -> tuple[int, int]:
        ids = tokenizer.encode(name, add_special_tokens=False).ids
        return ids[0], ids[-1]

    @staticmethod
    def spread(offsets: list[tuple[int, int]], start: int, end: int, into: list, what: object) -> None:
        for at, (first, last) in enumerate(offsets):
            if start <= first and last <= end:
                into[at] = what


class Row:
    """One row of a batch while it is being filled."""

    def __init__(self, length: int) -> None:
        self.size = length + 1
        self.tokens: list[int] = []
        self.documents: list[int] = []
        self.learned: list[bool] = []
        self.dates: list[float] = []
        self.names: list[tuple[int, int]] = []
        self.facts: list[int] = []
        self.count = 0

    def add(self, made: Encoded) -> None:
        self.count += 1
        self.tokens += made.tokens
        self.documents += [self.count] * len(made.tokens)
        self.learned += [False, *made.learned[1:]]
        self.dates += made.dates
        self.names += made.names
        self.facts += made.facts

    def room(self) -> int:
        return self.size - len(self.tokens)

    def padded(self) -> tuple[list, ...]:
        rest = self.room()
        return self.tokens + [0] * rest, self.documents + [0] * rest, self.learned + [False] * rest, self.dates + [NOTHING] * rest, self.names + [(-1, -1)] * rest, self.facts + [-1] * rest


def chosen(which: np.ndarray, *values: np.ndarray) -> tuple[np.ndarray, ...]:
    """The flat places where something is asked, what is right there, and ones for those that count: always PLACES of each."""
    places = np.flatnonzero(which.reshape(-1))[:PLACES]
    counts = np.zeros(PLACES, np.float32)
    counts[: len(places)] = 1
    rest = (0, PLACES - len(places))
    return np.pad(places, rest).astype(np.int32), *(np.pad(value.reshape(-1)[places], rest) for value in values), counts


def arrays(rows: list[Row]) -> dict[str, np.ndarray | tuple]:
    tokens, documents, learned, dates, names, facts = (np.array(part) for part in zip(*(row.padded() for row in rows)))
    places, counts = chosen(learned[:, 1:])
    dates, names, facts = dates[:, :-1].astype(np.float32), names[:, :-1].astype(np.int32), facts[:, :-1].astype(np.int32)
    return {
        "tokens": tokens.astype(np.int32), "documents": documents.astype(np.int32), "places": places, "counts": counts,
        "dates": chosen(~np.isnan(dates), dates), "names": chosen(names[..., 0] >= 0, names[..., 0], names[..., 1]), "facts": chosen(facts >= 0, facts),
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
        made = Encoded(tokenizer, sample(dice, dice.random() < long_share), TOLD)
        length = next((length for length in LENGTHS if len(made.tokens) <= length <= longest), None)
        if length is None:
            continue
        best_row(open_rows, length, len(made.tokens)).add(made)
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
