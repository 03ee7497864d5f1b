"""The network in JAX: a small Llama (RMSNorm, rotary positions, SwiGLU, tied embeddings) whose matrix products run in bfloat16.

Each layer is compiled in three parts, forwards and backwards. Compiled as a whole, the compiler picks memory layouts
for which its products are several times slower.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

F32, BF16 = jnp.float32, jnp.bfloat16
STRETCH = 128
FIRST = ("attention_norm", "q", "k", "v")
LAST = ("o", "inner_norm", "gate", "up", "down")


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    width: int = 192
    layers: int = 6
    heads: int = 4
    inner: int = 512
    base: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head(self) -> int:
        return self.width // self.heads


def initial(shape: Shape, key: jax.Array) -> dict:
    keys = iter(jax.random.split(key, 8 * shape.layers + 1))

    def matrix(rows: int, columns: int, scale: float = 1.0) -> jax.Array:
        return jax.random.normal(next(keys), (rows, columns), F32) * scale * rows**-0.5

    quiet = (2 * shape.layers) ** -0.5
    layers = [
        {
            "q": matrix(shape.width, shape.width), "k": matrix(shape.width, shape.width), "v": matrix(shape.width, shape.width), "o": matrix(shape.width, shape.width, quiet),
            "gate": matrix(shape.width, shape.inner), "up": matrix(shape.width, shape.inner), "down": matrix(shape.inner, shape.width, quiet),
            "attention_norm": jnp.ones(shape.width), "inner_norm": jnp.ones(shape.width),
        }
        for _ in range(shape.layers)
    ]
    return {"embedding": jax.random.normal(next(keys), (shape.vocabulary, shape.width), F32) * shape.width**-0.5, "layers": layers, "norm": jnp.ones(shape.width)}


def _halved(x: jax.Array) -> jax.Array:
    """The barrier keeps the compiler from undoing the rounding, which would bring the slow product back."""
    return lax.optimization_barrier(x.astype(BF16))


def _turned(x: jax.Array) -> jax.Array:
    """x transposed, by a product with the identity: a plain transpose is folded into the next product, which makes that slow."""
    identity = jnp.eye(x.shape[1], dtype=BF16)
    return _halved(lax.dot_general(identity, x, (((1,), (1,)), ((), ())), preferred_element_type=F32))


def _against_rows(x: jax.Array, rows: jax.Array) -> jax.Array:
    return lax.dot_general(x, rows, (((1,), (1,)), ((), ())), preferred_element_type=F32)


@jax.custom_vjp
def product(x: jax.Array, weight: jax.Array) -> jax.Array:
    """x @ weight with bfloat16 factors and a float32 sum, which processors with AMX do six times faster."""
    return _forward(x, weight)[0]


def _forward(x, weight):
    x, weight = _halved(x), _halved(weight)
    return jnp.matmul(x, weight, preferred_element_type=F32), (x, weight)


def _backward(kept, gradient):
    x, weight = kept
    gradient = _halved(gradient)
    return _against_rows(gradient, weight), jnp.matmul(_turned(x), gradient, preferred_element_type=F32)


product.defvjp(_forward, _backward)


def gram(x: jax.Array) -> jax.Array:
    return _against_rows(_halved(x), _halved(x))


def normed(x: jax.Array, gain: jax.Array, epsilon: float) -> jax.Array:
    return x * lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + epsilon) * gain


def rotated(x: jax.Array, base: float) -> jax.Array:
    """Turns pairs that lie half a head apart; the export reorders them into the neighbours that llama.cpp expects."""
    half = x.shape[-1] // 2
    angles = jnp.arange(x.shape[-2])[:, None] * base ** (-jnp.arange(half) / half)
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cosine - second * sine, first * sine + second * cosine], -1)


def before_attention(shape: Shape, rows: int, layer: dict, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    def heads(flat: jax.Array) -> jax.Array:
        return flat.reshape(rows, -1, shape.heads, shape.head).transpose(0, 2, 1, 3)

    inside = normed(x, layer["attention_norm"], shape.epsilon)
    q, k, v = (heads(product(inside, layer[name])) for name in "qkv")
    return rotated(q, shape.base) * shape.head**-0.5, rotated(k, shape.base), v


def _sums(left: jax.Array, right: jax.Array) -> jax.Array:
    """A batch of plain matrix products; other orders of the dimensions run ten times slower."""
    return jnp.matmul(_halved(left), _halved(right), preferred_element_type=F32)


def _turn(x: jax.Array) -> jax.Array:
    return lax.optimization_barrier(x.astype(BF16).swapaxes(-1, -2))


def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """q, k, v: [rows, heads, length, head]; bias: [rows, 1, length, length], 0 or very negative.

    A stretch of tokens at a time: what lies after it is never computed, and what is computed stays in the cache.
    """
    turned, mixed, shares = _turn(k), [], []
    for start, end in _stretches(q):
        scores = _sums(q[:, :, start:end], turned[..., :end]) + bias[:, :, start:end, :end]
        weights = jnp.exp(scores - scores.max(-1, keepdims=True))
        shares.append((weights / weights.sum(-1, keepdims=True)).astype(BF16))
        mixed.append(_sums(shares[-1], v[:, :, :end]))
    return jnp.concatenate(mixed, 2), tuple(shares)


def attend_back(q, k, v, mixed, shares, gradient) -> tuple[jax.Array, jax.Array, jax.Array]:
    share, turned = jnp.sum(gradient * mixed, -1, keepdims=True), _turn(v)
    to_q, to_k, to_v = [], jnp.zeros(k.shape, F32), jnp.zeros(v.shape, F32)
    for weights, (start, end) in zip(shares, _stretches(q)):
        part = gradient[:, :, start:end]
        change = (weights * (_sums(part, turned[..., :end]) - share[:, :, start:end])).astype(BF16)
        to_q.append(_sums(change, k[:, :, :end]))
        to_k = to_k.at[:, :, :end].add(_sums(_turn(change), q[:, :, start:end]))
        to_v = to_v.at[:, :, :end].add(_sums(_turn(weights), part))
    return jnp.concatenate(to_q, 2), to_k, to_v


def _stretches(q: jax.Array) -> list[tuple[int, int]]:
    return [(start, start + STRETCH) for start in range(0, q.shape[2], STRETCH)]


def after_attention(shape: Shape, layer: dict, x: jax.Array, mixed: jax.Array) -> jax.Array:
    x = x + product(mixed.transpose(0, 2, 1, 3).reshape(x.shape), layer["o"])
    inside = normed(x, layer["inner_norm"], shape.epsilon)
    return x + product(jax.nn.silu(product(inside, layer["gate"])) * product(inside, layer["up"]), layer["down"])


@jax.custom_vjp
def scores_of(hidden: jax.Array, embedding: jax.Array) -> jax.Array:
    return _score(hidden, embedding)[0]


def _score(hidden, embedding):
    hidden, embedding = _halved(hidden), _halved(embedding)
    return _against_rows(hidden, embedding), (hidden, embedding)


def _score_back(kept, gradient):
    hidden, embedding = kept
    gradient = _halved(gradient)
    turned = jnp.matmul(_turned(hidden), gradient, preferred_element_type=F32)
    return jnp.matmul(gradient, embedding, preferred_element_type=F32), lax.optimization_barrier(turned).T


scores_of.defvjp(_score, _score_back)


def losses(shape: Shape, norm: jax.Array, embedding: jax.Array, x: jax.Array, right: jax.Array, places: jax.Array, counts: jax.Array) -> jax.Array:
    """The summed loss at the places (flat positions) whose next token is learned; the others need no scores."""
    hidden = normed(x[places], norm, shape.epsilon)
    scores = scores_of(hidden, embedding)
    chosen = jnp.take_along_axis(scores, right[places][:, None], 1)[:, 0]
    return jnp.sum((jax.nn.logsumexp(scores, -1) - chosen) * counts)


# Side tasks, for the training alone: what the tokens of a line should know about it, said after a layer in the middle.
FACTS_AFTER, DATES_AFTER, NAMES_AFTER = 3, 3, 4
FACTS = 9


def initial_side(shape: Shape) -> dict:
    return {"date": jnp.zeros((shape.width, 1)), "fact": jnp.zeros((shape.width, FACTS)), "first": jnp.zeros((shape.width, shape.width)), "last": jnp.zeros((shape.width, shape.width))}


def date_loss(head: jax.Array, x: jax.Array, places: jax.Array, targets: jax.Array, counts: jax.Array) -> jax.Array:
    """How far each token of a remembered line is from knowing, in years, when the line was said."""
    hidden = normed(x[places], 1.0, 1e-5)
    return 0.2 * jnp.sum(((hidden @ head)[:, 0] - targets) ** 2 * counts)


def fact_loss(head: jax.Array, x: jax.Array, places: jax.Array, right: jax.Array, counts: jax.Array) -> jax.Array:
    """How well the tokens of a told value, and those after it, know which fact it is."""
    scores = normed(x[places], 1.0, 1e-5) @ head
    return 0.1 * jnp.sum((jax.nn.logsumexp(scores, -1) - jnp.take_along_axis(scores, right[:, None], 1)[:, 0]) * counts)


def name_loss(first: jax.Array, last: jax.Array, x: jax.Array, embedding: jax.Array, places: jax.Array, starts: jax.Array, ends: jax.Array, counts: jax.Array) -> jax.Array:
    """How well the tokens of a tool's line, and those before a call, know the first and the last token of the tool's name."""
    hidden = normed(x[places], 1.0, 1e-5)

    def one(head: jax.Array, right: jax.Array) -> jax.Array:
        scores = scores_of(product(hidden, head), lax.stop_gradient(embedding))
        return jnp.sum((jax.nn.logsumexp(scores, -1) - jnp.take_along_axis(scores, right[:, None], 1)[:, 0]) * counts)

    return 0.05 * (one(first, starts) + one(last, ends))


def seen(documents: jax.Array) -> jax.Array:
    """A token sees only earlier tokens of its own document."""
    length = documents.shape[1]
    same = (documents[:, :, None] == documents[:, None, :]) & jnp.tril(jnp.ones((length, length), bool))
    return jnp.where(same, 0.0, -1e9)[:, None]


class Gradient:
    """The loss of a batch and its gradient, layer by layer."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.facts_after, self.dates_after, self.names_after = (min(place, shape.layers - 2) for place in (FACTS_AFTER, DATES_AFTER, NAMES_AFTER))
        self.look = jax.jit(lambda embedding, tokens: embedding[tokens])
        self.unlook = jax.jit(lambda total, tokens, gradient: total.at[tokens].add(gradient))
        self.seen = jax.jit(seen)
        self.before = jax.jit(partial(before_attention, shape), static_argnums=0)
        self.attend, self.attend_back = jax.jit(attend), jax.jit(attend_back)
        self.after = jax.jit(partial(after_attention, shape))
        self.before_back = jax.jit(self._before_back, static_argnums=0)
        self.after_back = jax.jit(lambda layer, x, mixed, gradient: jax.vjp(partial(after_attention, shape), layer, x, mixed)[1](gradient))
        self.loss = jax.jit(jax.value_and_grad(partial(losses, shape), argnums=(0, 1, 2)))
        self.dates = jax.jit(jax.value_and_grad(date_loss, argnums=(0, 1)))
        self.facts = jax.jit(jax.value_and_grad(fact_loss, argnums=(0, 1)))
        self.names = jax.jit(jax.value_and_grad(name_loss, argnums=(0, 1, 2)))

    def _before_back(self, rows, layer, x, gradients, passed):
        slope, back = jax.vjp(partial(before_attention, self.shape, rows), layer, x)[1](gradients)
        return slope, back + passed

    def __call__(self, weights: dict, tokens, documents, places, counts, dates, names, facts) -> tuple[jax.Array, dict]:
        rows = tokens.shape[0]
        given, right = jnp.asarray(tokens[:, :-1].reshape(-1)), jnp.asarray(tokens[:, 1:].reshape(-1))
        bias = self.seen(documents[:, :-1])
        x = self.look(weights["embedding"], given)
        kept = []
        for layer in weights["layers"]:
            q, k, v = self.before(rows, {name: layer[name] for name in FIRST}, x)
            mixed, shares = self.attend(q, k, v, bias)
            kept.append((x, q, k, v, mixed, shares))
            x = self.after({name: layer[name] for name in LAST}, x, mixed)
        loss, (norm, embedding, back) = self.loss(weights["norm"], weights["embedding"], x, right, places, counts)
        side = weights["side"]
        _, (to_date, from_dates) = self.dates(side["date"], kept[self.dates_after + 1][0], *dates)
        _, (to_fact, from_facts) = self.facts(side["fact"], kept[self.facts_after + 1][0], *facts)
        _, (to_first, to_last, from_names) = self.names(side["first"], side["last"], kept[self.names_after + 1][0], weights["embedding"], *names)
        layers = []
        for at, layer, (x, *attention) in zip(reversed(range(len(kept))), reversed(weights["layers"]), reversed(kept)):
            if at == self.names_after:
                back = back + from_names
            if at == self.dates_after:
                back = back + from_dates
            if at == self.facts_after:
                back = back + from_facts
            last, passed, mixed = self.after_back({name: layer[name] for name in LAST}, x, attention[3], back)
            inner = self.attend_back(*attention, mixed)
            first, back = self.before_back(rows, {name: layer[name] for name in FIRST}, x, inner, passed)
            layers.append(first | last)
        return loss, {"embedding": self.unlook(embedding, given, back), "layers": layers[::-1], "norm": norm, "side": {"date": to_date, "fact": to_fact, "first": to_first, "last": to_last}}
