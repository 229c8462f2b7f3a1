"""How much of a model's in-context predictions is memory, and by which law of training (Wurgaft et al. 2025), simulated.

Run it as ``python analyses/predictors/run.py [--out DIR]``.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import urns
from matplotlib.ticker import FuncFormatter, NullFormatter
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import norm, t

import psychomet as pm
from psychomet.estimates.causes.hierarchy.predictors import PredictorPosterior, predictor_posterior
from psychomet.numerics.predictor_posterior import (
    PredictorPrior,
    even_steps,
    held_out_score,
    mixed,
    tradeoff,
)
from psychomet.pages.document import Paragraph, Section
from psychomet.pages.figures.canvas import (
    BLACK,
    BLUE,
    GRID,
    SOFT,
    VERMILLION,
    WIDTH,
    drawing,
    finish,
    settings,
)

HERE = Path(__file__).resolve().parent
SEED = 2025
TASKS = [4, 8, 16, 32, 64, 128, 256, 512]
STEPS = np.geomspace(500, 2_000_000, 9).round()
STUDY = {"tasks": TASKS, "steps": STEPS, "runs": 5, "probes": 20, "later": 2, "row": 4, "seed": SEED}
SAMPLING = pm.Sampling(draws=500, tune=400, chains=4)
PRIOR = PredictorPrior()
LEVEL = 0.95
SCORED = 400
"""Draws by which held-out conditions are predicted."""
SEEN = 40.0
"""Log odds within this are drawn."""
FAILED = "the chains did not converge; the number is withheld"

TITLE = "Memory or rule: a posterior over two predictors"
INTRO = """
A model trained on sequences from D urns can predict the next ball in two ways: as one who knows the D urns by heart and asks
which of them it is (memorising), or as one who knows the law from which urns come (generalising). Wurgaft and others (2025)
describe what models do as a mixture of both, whose log odds follow a law: what memory saves in loss, times a power of the
training units seen, against what it costs in complexity.

On this page everything is simulated: five models, eight numbers of urns, nine lengths of training, twenty probes each, with
noise. A hierarchical Bayesian fit finds the weight of memory in every condition and the parameters of the law. The truth is
known and stands beside every estimate. Conditions with the two longest trainings, and all with 64 urns, were not shown to
the fit: they are predicted.
"""
ABOUT = {
    "Law": "Wurgaft, D. et al. (2025). In-Context Learning Strategies Emerge Rationally. NeurIPS. arXiv 2506.17859",
    "Data": f"simulated, seed {SEED}; no model was trained",
    "Sampler": "NUTS on the exact density, four chains",
}


def fit(study: urns.Study, *, sampling: pm.Sampling = SAMPLING) -> PredictorPosterior:
    """Fit the law to what is shown."""
    return predictor_posterior(
        urns.shown(study),
        conditions=study.conditions,
        runs=[f"run {at + 1}" for at in range(len(study.truth.run))],
        prior=PRIOR,
        sampling=sampling,
        seed=SEED,
    )


def flat(values) -> np.ndarray:
    """Return all draws of a variable along the first axis."""
    array = values.to_numpy()
    return array.reshape(-1, *array.shape[2:])


def row(name: dict, draws: np.ndarray, known: float, found: PredictorPosterior, told: dict) -> dict:
    """Return median, interval and truth of one number; nothing where the chains disagree."""
    whole = {**name, "reference": known, "conf_level": LEVEL, **told}
    whole["method"] = "posterior; median of draws, equal tails"
    if not found.gate.passed:
        return whole | {"reason": FAILED}
    low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return whole | {
        "estimate": middle,
        "std_error": draws.std(ddof=1),
        "conf_low": low,
        "conf_high": high,
    }


def told_of(array) -> dict:
    """Return R-hat and effective draws."""
    return {name: float(array.sel(diagnostic=name)) for name in ("rhat", "ess_bulk", "ess_tail")}


def law_rows(study: urns.Study, found: PredictorPosterior) -> list[dict]:
    """Return the parameters of the law, and the standard deviations."""
    runs = len(study.truth.run)
    rows = []
    for name, known in (("gamma", urns.GAMMA), ("alpha", urns.ALPHA), ("beta", urns.BETA)):
        told = told_of(found.diagnostics[name]) | {"n": runs}
        rows.append(
            row({"estimand": "law_parameter", "term": name}, flat(found.posterior[name]), known, found, told)
        )
    for at, name in enumerate(("log gamma between runs", "conditions about the law", "noise of a probe")):
        told = told_of(found.diagnostics["sd"][..., at]) | {"n": runs}
        draws = flat(found.posterior["sd"])[:, at]
        rows.append(row({"estimand": "standard_deviation", "term": name}, draws, urns.SD[at], found, told))
    return rows


def even(study: urns.Study, law: np.ndarray, middle: float) -> np.ndarray:
    """Return the training units at which memory and rule weigh the same, by number of urns."""
    first = np.unique(study.tasks, return_index=True)[1]
    return even_steps(law, conditions=study.conditions, middle=middle)[..., first]


def even_rows(study: urns.Study, found: PredictorPosterior) -> list[dict]:
    """Return log10 of the training units at which a typical run turns from rule to memory."""
    known = np.log10(even(study, study.truth.law, found.middle))
    draws = np.log10(even(study, flat(found.posterior["law"]), found.middle))
    return [
        row(
            {"estimand": "log10_even_training", "term": f"{count:.0f} urns"},
            draws[:, at],
            known[at],
            found,
            {"n": len(study.truth.run)},
        )
        for at, count in enumerate(np.unique(study.tasks))
    ]


def weight_rows(study: urns.Study, found: PredictorPosterior, plain: Plain) -> list[dict]:
    """Return how far estimated weights are from the true ones, in root mean square."""
    truth = expit(study.truth.log_odds)
    middle = np.median(flat(found.posterior["memorising"]), axis=0)
    rows = []
    for term, chosen in (("conditions shown", ~study.held_out), ("conditions held out", study.held_out)):
        for method, weight in (("loss against complexity", middle), ("linear law", expit(plain.log_odds))):
            away = (weight - truth)[:, chosen] if found.gate.passed else np.full(1, np.nan)
            rows.append({
                "estimand": "error_of_weights", "term": term, "other": method, "n": truth[:, chosen].size,
                "estimate": np.sqrt(np.mean(away**2)), "method": "none; root mean square",
                "reason": "of one simulation, of which the truth is known",
            })  # fmt: skip
    return rows


class Plain(NamedTuple):
    """A law without theory, fitted by maximum likelihood: its log odds, the same for all runs, and the noise."""

    log_odds: np.ndarray
    noise: float


def plain_law(study: urns.Study) -> Plain:
    """Fit log odds linear in log N and in the log of the memorising complexity: three parameters, as the law has."""
    part = np.stack([
        np.ones(len(study.steps)), *(
            np.log(values) - np.log(values).mean() for values in (study.steps, study.conditions.memorising_size)
        )
    ])  # fmt: skip
    shown = urns.shown(study)
    runs = len(study.truth.run)

    def odds(free: np.ndarray) -> np.ndarray:
        return np.tile(free[:3] @ part, (runs, 1))

    def minus(free: np.ndarray) -> float:
        away = shown.observed - mixed(odds(free), shown.memorising, shown.generalising).value
        return -float(np.nansum(norm.logpdf(away, scale=np.exp(free[3]))))

    starts = ([0.0, 1.0, -1.0, 0.0], [-5.0, 3.0, -5.0, -0.5], [-10.0, 5.0, -10.0, -0.5])
    best = min((minimize(minus, start, method="BFGS") for start in starts), key=lambda one: one.fun)
    return Plain(odds(best.x), float(np.exp(best.x[3])))


def predictive(study: urns.Study, found: PredictorPosterior) -> np.ndarray:
    """Return log scores of the held-out conditions, (run, condition)."""
    odds, noise = flat(found.posterior["log_odds"]), flat(found.posterior["sd"])[:, 2]
    some = np.linspace(0, len(odds) - 1, min(SCORED, len(odds))).astype(int)
    held = study.held_out
    return held_out_score(
        study.probes.observed[:, held],
        odds[some][:, :, held],
        noise=noise[some],
        memorising=study.probes.memorising[held],
        generalising=study.probes.generalising[held],
    )


def alone(study: urns.Study, predictor: np.ndarray) -> np.ndarray:
    """Return the log scores of one predictor alone, its noise estimated from the conditions shown."""
    away = study.probes.observed - predictor
    noise = np.sqrt(np.mean(away[:, ~study.held_out] ** 2))
    return norm.logpdf(away[:, study.held_out], scale=noise).mean(axis=2)


def score_rows(study: urns.Study, found: PredictorPosterior, plain: Plain) -> list[dict]:
    """Return log scores per probe of held-out conditions, and how much better the law of the paper does."""
    held = study.held_out
    known = study.truth.log_odds[:, held][None]
    pair = {
        "memorising": study.probes.memorising[held],
        "generalising": study.probes.generalising[held],
    }
    scores = {
        "loss against complexity": predictive(study, found),
        "log odds linear in log N and log K": held_out_score(
            study.probes.observed[:, held],
            plain.log_odds[:, held][None],
            noise=np.array([plain.noise]),
            **pair,
        ),
        "memorising alone": alone(study, study.probes.memorising),
        "generalising alone": alone(study, study.probes.generalising),
        "the true log odds": held_out_score(
            study.probes.observed[:, held], known, noise=np.array([urns.SD[2]]), **pair
        ),
    }
    first = next(iter(scores.values()))
    rows = []
    for name, score in scores.items():
        rows.append(clustered("log_score", name, score, found))
        if score is not first:
            rows.append(clustered("log_score_gain", f"over {name}", first - score, found))
    return rows


def clustered(estimand: str, term: str, values: np.ndarray, found: PredictorPosterior) -> dict:
    """Return the mean with a t interval; conditions are the units, runs under one condition are not independent."""
    whole = {
        "estimand": estimand, "term": term, "n": values.shape[1], "conf_level": LEVEL,
        "method": "t; means of conditions",
    }  # fmt: skip
    if not found.gate.passed:
        return whole | {"reason": FAILED}
    means = values.mean(axis=0)
    error = means.std(ddof=1) / np.sqrt(len(means))
    reach = t.ppf((1 + LEVEL) / 2, len(means) - 1) * error
    return whole | {
        "estimate": means.mean(),
        "std_error": error,
        "conf_low": means.mean() - reach,
        "conf_high": means.mean() + reach,
    }


def gate_note(name: str, found: PredictorPosterior) -> pm.Note:
    """Say whether the chains agree."""
    if found.gate.passed:
        text = f"{name}: chains agree (largest R-hat {found.gate.rhat:.3f}, least ESS {found.gate.ess_bulk:.0f})."
        return pm.Note("converged", text, "info")
    return pm.Note("not_converged", f"{name}: {' '.join(found.gate.words)}", "problem")


def results(study: urns.Study, found: PredictorPosterior, plain: Plain) -> list[pm.Result]:
    """Return every result of the page."""
    notes = [gate_note("Loss against complexity", found)]
    used = {"reference": "truth", "seed": SEED, "runs": len(study.truth.run), "conditions": len(study.steps)}
    return [
        pm.make_result("law_of_training", law_rows(study, found), settings=used, notes=notes),
        pm.make_result("even_training", even_rows(study, found), settings=used),
        pm.make_result("weights_of_memory", weight_rows(study, found, plain), settings=used),
        pm.make_result("held_out_conditions", score_rows(study, found, plain), settings=used),
    ]


def power(value: float, _position: object = None) -> str:
    """Return a tick of a logarithmic axis in short."""
    return f"{value:g}" if value < 1000 else f"{value / 1000:g}k" if value < 1e6 else f"{value / 1e6:g}M"


def curves(study: urns.Study, found: PredictorPosterior):
    """Draw the weight of memory over training, a panel for each number of urns."""
    law = flat(found.posterior["law"])[:: max(1, len(flat(found.posterior["law"])) // 300)]
    weight = flat(found.posterior["memorising"])
    truth = expit(study.truth.log_odds)
    counts, steps = np.unique(study.tasks), np.unique(study.steps)
    grid = np.geomspace(steps[0], steps[-1], 60)
    last_shown = study.steps[(~study.held_out)].max()
    with settings():
        made = drawing(WIDTH, 4.6)
        panels = made.subplots(2, -(-len(counts) // 2), sharex=True, sharey=True, squeeze=False).ravel()
        for axes, count in zip(panels, counts, strict=False):
            mine = study.tasks == count
            first = np.flatnonzero(mine)[0]
            whole = type(study.conditions)(
                grid, *(np.full(len(grid), part[first]) for part in study.conditions[1:])
            )
            parts = partial(tradeoff, middle=found.middle)
            lines = np.array([expit((p := parts(one, whole)).evidence - p.cost) for one in law])
            true = parts(study.truth.law, whole)
            low, middle, high = np.quantile(lines, [0.025, 0.5, 0.975], axis=0)
            axes.fill_between(grid, low, high, color=BLUE, alpha=0.2, linewidth=0)
            axes.plot(grid, middle, color=BLUE)
            axes.plot(grid, expit(true.evidence - true.cost), color=BLACK, linestyle=":", linewidth=1.4)
            for run in range(len(study.truth.run)):
                for chosen, marker in ((~study.held_out, "o"), (study.held_out, "x")):
                    at = mine & chosen
                    middles = np.median(weight[:, run], axis=0)[at]
                    axes.plot(
                        study.steps[at], middles if marker == "o" else truth[run][at], marker,
                        color=SOFT if marker == "o" else VERMILLION, markersize=3.5, alpha=0.8,
                    )  # fmt: skip
            axes.axvline(last_shown * 1.5, color=GRID, linewidth=1.2)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(power))
            axes.set_title(f"{count:.0f} urns" + (" (held out)" if study.held_out[mine].all() else ""))
            axes.grid(color=GRID, linewidth=0.4)
        made.supxlabel("training sequences", fontsize=9)
        made.supylabel("weight of the memorising predictor", fontsize=9)
        return finish(
            made,
            name="weights",
            alt="The weight of memory rises from 0 to 1 with training, later the more urns there are; bands hold the true curves.",
            caption=(
                "Weight of memory. Line and band: a typical run, posterior median and 95 %. Dotted: the truth. Circles: "
                "the fit's median of each run where it was shown; crosses: the true weights of runs where it was not.",
            ),
        )


def transition(study: urns.Study, found: PredictorPosterior):
    """Draw the training at which memory and rule weigh the same."""
    counts = np.unique(study.tasks)
    draws = even(study, flat(found.posterior["law"]), found.middle)
    low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975], axis=0)
    known = even(study, study.truth.law, found.middle)
    odds = np.median(flat(found.posterior["log_odds"]), axis=0)
    with settings():
        made = drawing(WIDTH, 3.4)
        left, right = made.subplots(1, 2)
        left.fill_between(counts, low, high, color=BLUE, alpha=0.2, linewidth=0)
        left.plot(counts, middle, color=BLUE, marker="o", markersize=4, label="posterior median, 95 %")
        left.plot(counts, known, color=BLACK, linestyle=":", linewidth=1.6, label="truth")
        left.axhspan(study.steps[~study.held_out].max(), high.max() * 2, color=GRID, alpha=0.5, linewidth=0)
        left.set(xscale="log", yscale="log", xlabel="urns", ylabel="training sequences")
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter(FuncFormatter(power))
            axis.set_minor_formatter(NullFormatter())
        left.set_ylim(low.min() / 2, high.max() * 2)
        left.set_title("Where memory and rule weigh the same")
        left.legend(loc="upper left")
        for chosen, marker, colour, name in (
            (~study.held_out, "o", SOFT, "shown"),
            (study.held_out, "x", VERMILLION, "held out"),
        ):
            right.plot(
                study.truth.log_odds[:, chosen].ravel(), odds[:, chosen].ravel(), marker, color=colour,
                markersize=3, alpha=0.7, label=name,
            )  # fmt: skip
        ends = [-SEEN, SEEN]
        right.plot(ends, ends, color=BLACK, linewidth=0.8)
        right.set(xlim=ends, ylim=ends)
        right.set(xlabel="true log odds of memory, nats", ylabel="posterior median")
        right.set_title("Log odds of every run and condition")
        right.legend(loc="upper left")
        return finish(
            made,
            name="transition",
            alt="The training needed to memorise rises faster than in proportion to the number of urns; the band holds the truth.",
            caption=(
                "Left: the longest training shown ends where the grey begins; above it the law is extrapolated. "
                "Right: log odds beyond a few nats leave no trace in predictions, and rest on the law; beyond 40 they are not drawn.",
            ),
        )


def pictures(study: urns.Study, found: PredictorPosterior) -> Section:
    """Return the section with the figures; without them where the chains disagree."""
    lead = Paragraph(("When models turn from rule to memory, and how well that can be told.",), "lead")
    drawn = (curves(study, found), transition(study, found)) if found.gate.passed else ()
    return Section("The turn from rule to memory", "turn", (lead, *drawn))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    study = urns.simulate(**STUDY)
    try:
        found = fit(study)
        page = pm.write_page(
            results(study, found, plain_law(study)),
            asked.out,
            title=TITLE,
            intro=INTRO,
            about=ABOUT,
            extra=[pictures(study, found)],
        )
    except pm.PsychometError as error:
        print(error, file=sys.stderr)
        return 2
    print(page / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
