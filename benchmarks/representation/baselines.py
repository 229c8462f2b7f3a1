"""Other ways to latents of modalities, for the table of benchmarks/representation.py.

Each is fitted on the respondents that the estimator is fitted on, with the true number of latents, and is told no more
than the estimator is. Networks have about the size, the rows and the steps of the estimator's first stage; nothing is chosen by
a score, and what the last step gives is scored. All code is written from the published formulas.

References
----------
Higgins, I., Matthey, L., Pal, A. et al. (2017). beta-VAE: learning basic visual concepts with a constrained variational
framework. International Conference on Learning Representations. https://openreview.net/forum?id=Sy2fzU9gl

Yao, D., Xu, D., Lachapelle, S. et al. (2024). Multi-view causal representation learning with partial observability.
International Conference on Learning Representations. https://arxiv.org/abs/2311.04056

Sun, Y., Kong, L., Chen, G. et al. (2025). Causal representation learning from multimodal biomedical observations.
International Conference on Learning Representations. https://arxiv.org/abs/2411.06518

Dinh, L., Sohl-Dickstein, J. and Bengio, S. (2017). Density estimation using real NVP. International Conference on
Learning Representations. https://arxiv.org/abs/1605.08803
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis, FastICA

from psychomet.estimates.causes.representation.looks import Prepared, groups_of, prepare
from psychomet.estimates.causes.representation.networks import forward, mlp
from psychomet.estimates.causes.representation.training import Run, train
from psychomet.table.simulate.modalities import Simulated

Params = Any
Loss = Callable[[Params, Any, jax.Array, jax.Array], jax.Array]
Views = tuple[tuple[int, ...], ...]
"""Positions of the measurements of every modality."""
Sizes = tuple[int, ...]
"""Latents of every modality."""

LINEAR = ("pca", "factor analysis", "pca, fastica")
DEEP = ("beta-vae", "contrastive", "published loss")
METHODS = (*LINEAR, *DEEP)

STEPS, BATCH, RATE, HIDDEN = 3000, 256, 3e-3, 64
BETA = 4.0
"""Weight of the prior in beta-VAE: the least above 1 that Higgins et al. (2017) use."""
TEMPERATURE = 0.02
"""Of InfoNCE on the unit cube: .005, .02 and .1 had MCC .975, .983 and .972 on seed 100, which is not scored (600 steps)."""
INDEPENDENCE, SPARSITY, RECONSTRUCTION = 1e-1, 1e-2, 1.0
"""Weights of the published loss for numeric data (Sun et al. 2025, Appendix F.2)."""
THRESHOLD = 1e-2
"""An entry of the published matrix above this is an edge, in training and in the result."""
PUBLISHED_RATE = 1e-3
"""The paper states no rate for numeric data. The graph depends on it and on the steps alone (see :func:`published`)."""
COUPLINGS, COUPLING_HIDDEN, NOISE_HIDDEN = 5, 16, 4


class Setting(NamedTuple):
    """Steps of Adam, rows of each, and hidden width of the networks."""

    steps: int = STEPS
    batch: int = BATCH
    hidden: int = HIDDEN


def fit_baseline(
    sim: Simulated, method: str, seed: int, setting: Setting = Setting()  # noqa: B008 - immutable
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:  # fmt: skip
    """Fit one method on the training respondents.

    Parameters
    ----------
    sim : Simulated
        Modalities with known truth; of the truth, the number of latents of a modality is used, and by
        "published loss" that the latents stand in causal order.
    method : str
        One of :data:`METHODS`.
    seed : int
        Of the split, the start and the rows drawn.
    setting : Setting
        Of the methods with networks.

    Returns
    -------
    latents : ndarray, shape (n, d)
        Block by block.
    edges : ndarray of bool, shape (d, d), or None
        From row to column, where the method finds some.
    part : ndarray of str, shape (n,)
        "train", "validation" or "test".
    """
    groups, _ = groups_of(sim.features, None)
    made = prepare(sim.features, groups, seed=seed)
    views = tuple(
        tuple(at for at, look in enumerate(made.looks) if look.blocks[0] == b)
        for b in range(len(made.modalities))
    )
    sizes = tuple(int((sim.blocks == b).sum()) for b in range(len(views)))
    if method in LINEAR:
        return linear(made, views, sizes, method, seed), None, made.part
    if method == "beta-vae":
        return beta_vae(made, views, sizes, seed, setting), None, made.part
    if method == "contrastive":
        return contrastive(made, views, sizes, seed, setting), None, made.part
    latents, edges = published(made, views, sizes, seed, setting)
    return latents, edges, made.part


def linear(made: Prepared, views: Views, sizes: Sizes, method: str, seed: int) -> np.ndarray:
    """Components or factors of all measurements of a modality side by side."""
    fitted = made.part == "train"
    found = []
    for mine, size in zip(views, sizes, strict=True):
        x = np.hstack([made.data[at] for at in mine])
        if method == "factor analysis":
            model = FactorAnalysis(size, rotation="varimax", random_state=seed)
            found.append(model.fit(x[fitted]).transform(x))
            continue
        whitened = PCA(size, whiten=True, svd_solver="covariance_eigh").fit(x[fitted]).transform(x)
        if method == "pca, fastica":
            model = FastICA(size, whiten="unit-variance", max_iter=1000, random_state=seed)
            whitened = model.fit(whitened[fitted]).transform(whitened)
        found.append(whitened)
    return np.hstack(found)


def minimised(loss: Loss, begun: Params, made: Prepared, seed: int, setting: Setting, rate: float) -> Params:
    """Train one copy on the training respondents."""
    fitted = made.part == "train"
    rows = {
        "data": [jnp.asarray(x[fitted], jnp.float32) for x in made.data],
        "there": jnp.asarray(made.there[fitted], jnp.float32),
    }
    run = Run("baseline", setting.steps, setting.batch, rate, 0.1, None, False, "")
    params, _ = train(loss, jax.tree.map(lambda leaf: leaf[None], begun), rows, run=run, seed=seed)
    return jax.tree.map(lambda leaf: leaf[0], params)


def whole(made: Prepared) -> tuple[list[jax.Array], jax.Array]:
    """All respondents, as the networks take them."""
    return [jnp.asarray(x, jnp.float32) for x in made.data], jnp.asarray(made.there, jnp.float32)


# --- beta-VAE --------------------------------------------------------------------------------------


def beta_vae(made: Prepared, views: Views, sizes: Sizes, seed: int, setting: Setting) -> np.ndarray:
    """Means of the encoders of one beta-VAE for each modality, fed all its measurements side by side."""
    rng, h = np.random.default_rng(seed), setting.hidden
    widths = [sum(made.data[at].shape[1] for at in mine) for mine in views]
    begun = [
        {"in": mlp(rng, [width, h, h, 2 * size]), "out": mlp(rng, [size, h, h, width])}
        for width, size in zip(widths, sizes, strict=True)
    ]
    params = minimised(vae_loss(views, sizes), begun, made, seed, setting, RATE)
    data, _ = whole(made)
    found = [
        forward(one["in"], jnp.concatenate([data[v] for v in mine], axis=1))[:, :size]
        for one, mine, size in zip(params, views, sizes, strict=True)
    ]
    return np.hstack([np.asarray(z, dtype=float) for z in found])


@functools.lru_cache
def vae_loss(views: Views, sizes: Sizes) -> Loss:
    """Loss E_q[|x - g(z)|^2] / 2 + beta KL(q(z | x) || N(0, I)), summed over coordinates, each with variance 1.

    The same function for the same arguments, here and below, so that it is compiled once.
    """

    def loss(params: Params, rows: Any, key: jax.Array, done: jax.Array) -> jax.Array:
        total = jnp.zeros(())
        for at, (one, mine, size) in enumerate(zip(params, views, sizes, strict=True)):
            x = jnp.concatenate([rows["data"][v] for v in mine], axis=1)
            there = [jnp.broadcast_to(rows["there"][:, [v]], rows["data"][v].shape) for v in mine]
            out = forward(one["in"], x)
            mean, log_variance = out[:, :size], out[:, size:]
            draw = jax.random.normal(jax.random.fold_in(key, at), mean.shape)
            guess = forward(one["out"], mean + jnp.exp(0.5 * log_variance) * draw)
            misfit = 0.5 * (jnp.concatenate(there, axis=1) * (guess - x) ** 2).sum(axis=1)
            apart = 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(axis=1)
            total += (misfit + BETA * apart).mean()
        return total

    return loss


# --- alignment and entropy over the views of a modality --------------------------------------------


def info_nce(first: jax.Array, second: jax.Array, both: jax.Array) -> jax.Array:
    """Cross-entropy of finding one's own row in the other view by squared distance, both ways.

    Its numerator is the alignment of the views, its denominator an estimate of the entropy of a view.

    Parameters
    ----------
    first, second : array, shape (n, size)
        Views, in the unit cube.
    both : array, shape (n,)
        1 where a row has both.
    """
    near = -((first[:, None] - second[None]) ** 2).sum(axis=2) / TEMPERATURE
    near += 30.0 * (both[:, None] * both - 1.0)
    miss = jax.nn.logsumexp(near, axis=1) + jax.nn.logsumexp(near, axis=0) - 2 * jnp.diagonal(near)
    return 0.5 * (miss * both).sum() / (both.sum() + 1e-12)


def contrastive(made: Prepared, views: Views, sizes: Sizes, seed: int, setting: Setting) -> np.ndarray:
    """Mean over views of encoders into the unit cube that align the views of a modality and fill the cube.

    Latents are taken before the logistic function that leads into the cube: theirs is the scale that has tails.
    All pairs of views of a modality (Yao et al. 2024, content of all views). Of a modality with one view nothing is
    aligned: its encoder only fills the cube.
    """
    rng, h = np.random.default_rng(seed), setting.hidden
    size_of = {at: size for mine, size in zip(views, sizes, strict=True) for at in mine}
    begun = [mlp(rng, [x.shape[1], h, h, size_of[at]]) for at, x in enumerate(made.data)]
    params = minimised(contrastive_loss(views), begun, made, seed, setting, RATE)
    data, there = whole(made)
    z = [forward(one, x) for one, x in zip(params, data, strict=True)]
    found = []
    for mine in views:
        weight = there[:, np.array(mine)].sum(axis=1, keepdims=True)
        mean = sum(z[v] * there[:, [v]] for v in mine) / jnp.maximum(weight, 1)
        found.append(np.where(np.asarray(weight) > 0, np.asarray(mean, dtype=float), np.nan))
    return np.hstack(found)


def encoded(params: Params, data: Sequence[jax.Array]) -> list[jax.Array]:
    """Return every view in the unit cube."""
    return [jax.nn.sigmoid(forward(one, x)) for one, x in zip(params, data, strict=True)]


@functools.lru_cache
def contrastive_loss(views: Views) -> Loss:
    """Mean InfoNCE of the pairs of views, summed over modalities."""

    def loss(params: Params, rows: Any, key: jax.Array, done: jax.Array) -> jax.Array:
        z, there = encoded(params, rows["data"]), rows["there"]
        total = jnp.zeros(())
        for mine in views:
            pairs = list(itertools.combinations(mine, 2)) or [(mine[0], mine[0])]
            parts = [info_nce(z[i], z[j], there[:, i] * there[:, j]) for i, j in pairs]
            total += sum(parts, jnp.zeros(())) / len(parts)
        return total

    return loss


# --- the published loss of the predecessor ---------------------------------------------------------


def published(
    made: Prepared, views: Views, sizes: Sizes, seed: int, setting: Setting
) -> tuple[np.ndarray, np.ndarray]:
    """Latents of the first measurement of every modality, and the matrix above its threshold."""
    width = [x.shape[1] for x in made.data]
    begun = published_start(seed, width, views, sizes, setting.hidden)
    params = minimised(published_loss(views, sizes), begun, made, seed, setting, PUBLISHED_RATE)
    data, _ = whole(made)
    found = []
    for mine, size in zip(views, sizes, strict=True):
        z = np.asarray(bent(params["in"][mine[0]], data[mine[0]], jax.nn.elu)[:, :size], dtype=float)
        found.append(np.where(made.there[:, [mine[0]]] > 0, z, np.nan))
    edges = (np.asarray(params["A"]) * np.asarray(lower(sum(sizes))) > THRESHOLD).T
    return np.hstack(found), edges


@functools.lru_cache
def published_loss(views: Views, sizes: Sizes) -> Loss:
    """Sum over measurements of |x - x'|^2, plus .1 KL(p(gamma) || N(0, I)), plus .01 |A|_1.

    gamma holds the nuisances and the exogenous noises. A noise is a network of a latent and the mean of the parents
    that A names by A > .01: a comparison, through which no gradient passes. The data never reach A. Its entries begin at .5
    and shrink by the price alone, and the graph says for how many steps at which rate that went on.
    """

    def loss(params: Params, rows: Any, key: jax.Array, done: jax.Array) -> jax.Array:
        rebuilt, gap = published_terms(params, rows, views, sizes)
        price = jnp.abs(params["A"] * lower(sum(sizes))).sum()
        return RECONSTRUCTION * rebuilt + INDEPENDENCE * gap + SPARSITY * price

    return loss


def lower(d: int) -> jax.Array:
    """Row i may have the columns before it as parents: the causal order is given."""
    return jnp.tril(jnp.ones((d, d)), -1)


def published_start(seed: int, width: Sequence[int], views: Views, sizes: Sizes, hidden: int) -> Params:
    """Encoders and decoders of every measurement, noise networks, couplings, and the free matrix."""
    rng = np.random.default_rng(seed)
    d, several = sum(sizes), len(views)
    inner = {at: size + 1 for mine, size in zip(views, sizes, strict=True) for at in mine}
    kept = (d + several) // 2
    return {
        "in": [mlp(rng, [w, 2 * hidden, hidden, inner[at]]) for at, w in enumerate(width)],
        "out": [mlp(rng, [inner[at], hidden, 2 * hidden, w]) for at, w in enumerate(width)],
        "noise": mlp(rng, [2, NOISE_HIDDEN, 1], (d,)),
        "coupling": mlp(rng, [kept, COUPLING_HIDDEN, 2 * (d + several - kept)], (COUPLINGS,)),
        "A": np.asarray(0.5 + 1e-5 * rng.standard_normal((d, d)), np.float32),
    }


def bent(layers: Params, x: jax.Array, bend: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Pass rows through a network with a given bend."""
    for weight, bias in layers[:-1]:
        x = bend(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias


def published_terms(params: Params, rows: Any, views: Views, sizes: Sizes) -> tuple[jax.Array, jax.Array]:
    """Return the squared error of all measurements and the divergence, up to constants, of (nuisances, noises)."""
    data, there = rows["data"], rows["there"]
    inner = [bent(one, x, jax.nn.elu) for one, x in zip(params["in"], data, strict=True)]
    squares = []
    for at, (one, x) in enumerate(zip(params["out"], data, strict=True)):
        wrong = ((bent(one, inner[at], jax.nn.leaky_relu) - x) ** 2).sum(axis=1)
        squares.append((wrong * there[:, at]).mean())
    firsts = [inner[mine[0]] for mine in views]
    z = jnp.concatenate([one[:, :size] for one, size in zip(firsts, sizes, strict=True)], axis=1)
    chosen = (params["A"] * lower(z.shape[1]) > THRESHOLD).astype(z.dtype)
    parents = (z @ chosen.T) / jnp.maximum(chosen.sum(axis=1), 1)
    noise = jax.vmap(lambda one, x: bent(one, x, jax.nn.leaky_relu))(
        params["noise"], jnp.stack([z.T, parents.T], axis=2)
    )
    nuisances = [one[:, size:] for one, size in zip(firsts, sizes, strict=True)]
    gamma = jnp.concatenate([noise[:, :, 0].T, *nuisances], axis=1)
    seen = jnp.stack([there[:, mine[0]] for mine in views]).min(axis=0)
    return sum(squares, jnp.zeros(())), (divergence(params["coupling"], gamma) * seen).mean()


def divergence(couplings: Params, gamma: jax.Array) -> jax.Array:
    """Return -log-density of every row under couplings that move its second half only, as in the published code."""
    half = gamma.shape[1] // 2
    kept = gamma[:, :half]

    def move(state: tuple[jax.Array, jax.Array], one: Params) -> tuple[tuple[jax.Array, jax.Array], None]:
        moved, log_det = state
        change = bent(one, kept, jax.nn.leaky_relu)
        scale = jax.nn.sigmoid(change[:, : moved.shape[1]] + 2)
        moved = moved * scale + change[:, moved.shape[1] :]
        return (moved, log_det + jnp.log(scale).sum(axis=1)), None

    (moved, log_det), _ = jax.lax.scan(move, (gamma[:, half:], jnp.zeros(len(gamma))), couplings)
    out = jnp.concatenate([kept, moved], axis=1)
    return 0.5 * (out**2 + jnp.log(2 * jnp.pi)).sum(axis=1) - log_det
