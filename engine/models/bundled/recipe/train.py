"""Trains echo-tiny on the processor: Muon for the matrices, Adam for the rest, and one thread."""

import argparse
import pickle
import time
from pathlib import Path

import jax
import jax.numpy as jnp
from tokenizers import Tokenizer

import model
from batches import in_background

BATCHES_A_STEP = 4
MATRICES = ("q", "k", "v", "o", "gate", "up", "down")


def orthogonal(x: jax.Array) -> jax.Array:
    """The nearest matrix with equal singular values, by five Newton-Schulz steps."""
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / (jnp.linalg.norm(wide) + 1e-7)
    for _ in range(5):
        square = model.gram(wide)
        wide = 3.4445 * wide + model.product(-4.775 * square + 2.0315 * model.product(square, square), wide)
    return wide if x.shape[0] <= x.shape[1] else wide.T


def is_matrix(path: tuple) -> bool:
    return getattr(path[-1], "key", "") in MATRICES


def update(weights: dict, state: dict, gradients: dict, counted: jax.Array, rate: jax.Array, step: jax.Array) -> tuple[dict, dict]:
    """One step of both optimisers, and of the running average of the weights that is exported; `rate` falls from 1 to 0 over the run."""
    gradients = jax.tree.map(lambda gradient: gradient / counted, gradients)

    def one(path, weight, gradient, first, second):
        if is_matrix(path):
            first = 0.95 * first + gradient
            turn = orthogonal(gradient + 0.95 * first) * max(1.0, weight.shape[1] / weight.shape[0]) ** 0.5
            return weight * (1 - 0.02 * rate * 0.05) - 0.02 * rate * turn, first, second
        first = 0.9 * first + 0.1 * gradient
        second = 0.98 * second + 0.02 * gradient * gradient
        moved = (first / (1 - 0.9**step)) / (jnp.sqrt(second / (1 - 0.98**step)) + 1e-8)
        return weight - 0.004 * rate * moved, first, second

    changed = jax.tree_util.tree_map_with_path(one, weights, gradients, state["first"], state["second"])
    take = [jax.tree.map(lambda triple: triple[at], changed, is_leaf=lambda node: isinstance(node, tuple)) for at in range(3)]
    average = jax.tree.map(lambda slow, weight: 0.99 * slow + 0.01 * weight, state["average"], take[0])
    return take[0], {"first": take[1], "second": take[2], "average": average}


def rate_at(step: int, steps: int, decay_from: float) -> float:
    """Short warm-up, a long plateau, then a straight line down to nearly nothing."""
    if step < 50:
        return (step + 1) / 50
    left = (steps - step) / (steps * (1 - decay_from))
    return max(0.01, min(1.0, left))


def save(target: Path, weights: dict, state: dict, step: int, shape: model.Shape) -> None:
    fresh = target.with_suffix(".new")
    fresh.write_bytes(pickle.dumps({"weights": jax.device_get(weights), "state": jax.device_get(state), "step": step, "shape": shape}))
    fresh.replace(target)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--start-from", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay-from", type=float, default=0.7)
    parser.add_argument("--long-share", type=float, default=0.03)
    parser.add_argument("--longest", type=int, default=2048)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--inner", type=int, default=512)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    shape = model.Shape(Tokenizer.from_file(str(given.vocabulary)).get_vocab_size(), given.width, given.layers, given.heads, given.inner)
    weights = model.initial(shape, jax.random.key(given.seed))
    state = {"first": jax.tree.map(jnp.zeros_like, weights), "second": jax.tree.map(jnp.zeros_like, weights), "average": jax.tree.map(jnp.copy, weights)}
    begin = 0
    if given.start_from:
        kept = pickle.loads(given.start_from.read_bytes())
        weights, state, shape, begin = kept["weights"], kept["state"], kept["shape"], kept["step"]
    for tree in (weights, state["first"], state["second"], state["average"]):
        tree["side"] = model.initial_side(shape) | tree.get("side", {})
    gradient = model.Gradient(shape)
    add = jax.jit(lambda left, right: jax.tree.map(jnp.add, left, right), donate_argnums=0)
    change = jax.jit(update, donate_argnums=(0, 1))
    source = in_background(given.vocabulary, given.seed + 1000 * begin, given.long_share, given.longest)
    started, recent, tokens = time.time(), [], 0
    for step in range(begin, given.steps):
        total = counted = summed = None
        for _ in range(BATCHES_A_STEP):
            batch = next(source)
            loss, slope = gradient(weights, **batch)
            tokens += int((batch["documents"] > 0).sum())
            total, counted, summed = (slope, batch["counts"].sum(), loss) if total is None else (add(total, slope), counted + batch["counts"].sum(), summed + loss)
        weights, state = change(weights, state, total, counted, rate_at(step, given.steps, given.decay_from), step + 1.0)
        recent.append(float(summed) / float(counted))
        if step % 25 == 24:
            passed = time.time() - started
            print(f"step {step + 1} loss {sum(recent) / len(recent):.4f} tokens {tokens} {tokens / passed:.0f}/s {passed / 60:.1f} min", flush=True)
            recent = []
        if step % 100 == 99 or step + 1 == given.steps:
            save(given.checkpoint, weights, state, step + 1, shape)


if __name__ == "__main__":
    main()
