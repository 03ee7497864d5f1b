"""Mixes the weights of two checkpoints of one training: python average.py EARLIER LATER SHARE_OF_LATER TARGET."""

import pickle
import sys
from pathlib import Path

import jax


def main(earlier: Path, later: Path, share: float, target: Path) -> None:
    first, last = pickle.loads(earlier.read_bytes()), pickle.loads(later.read_bytes())
    last["state"]["average"] = jax.tree.map(lambda old, new: (1 - share) * old + share * new, first["state"]["average"], last["state"]["average"])
    target.write_bytes(pickle.dumps(last))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
