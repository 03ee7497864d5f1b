"""Adds layers to a checkpoint without changing what it computes: python grow.py SOURCE TARGET PLACE...

Each new layer stands before the old layer PLACE and begins with zeros where it would write, so that it says nothing yet.
"""

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp

import model


def main(source: Path, target: Path, places: list[int]) -> None:
    kept = pickle.loads(source.read_bytes())
    shape, state = kept["shape"], kept["state"]
    fresh = model.initial(replace(shape, layers=len(places)), jax.random.key(23))["layers"]
    fresh = [jax.device_get(layer | {"o": jnp.zeros_like(layer["o"]), "down": jnp.zeros_like(layer["down"])}) for layer in fresh]
    nothing = [jax.tree.map(lambda part: 0 * part, layer) for layer in fresh]
    for place, layer, empty in sorted(zip(places, fresh, nothing), key=lambda entry: -entry[0]):
        for tree, added in ((kept["weights"], layer), (state["average"], layer), (state["first"], empty), (state["second"], empty)):
            tree["layers"].insert(place, added)
    target.write_bytes(pickle.dumps(kept | {"shape": replace(shape, layers=shape.layers + len(places))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(place) for place in sys.argv[3:]])
