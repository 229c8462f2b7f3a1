"""Knowledge tracing with traits of learners and a graph of prerequisites (after Zhou et al. 2024), simulated.

Run it as ``python analyses/knowledge_tracing/run.py [--out DIR]``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import classroom
import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter
from scipy.special import expit
from scipy.stats import t

import psychomet as pm
from psychomet.estimates.causes.hierarchy.tracing import (
    POPULATION,
    TracingPosterior,
    tracing_posterior,
)
from psychomet.numerics.knowledge_tracing import TRAITS, TracingPrior
from psychomet.numerics.knowledge_tracing_answers import forecast
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
from psychomet.pages.figures.dots import Dot, draw_dots

HERE = Path(__file__).resolve().parent
SEED = 2024
STUDY = {"learners": 24, "visits": 18, "later": 4, "seed": SEED}
SAMPLING = pm.Sampling(draws=900, tune=500, chains=4, target_accept=0.85)
LEVEL = 0.95
FAILED = "the chains did not converge; the number is withheld"
WORDS = {
    "rate": "forgetting rate / day",
    "level": "long-term mean",
    "spread": "spread",
    "transfer": "transfer",
}

TITLE = "Knowledge tracing: what learners keep, forget and carry over"
INTRO = """
Twenty-four learners come back after days and answer questions on five skills, some of which are prerequisites of others. What a
learner knows of a skill drifts: it returns to a mean of the learner's own, fast or slowly (forgetting rate), with more or less
chance in it (spread, volatility), and the mean moves with what the learner knows of the prerequisites (transfer). The model is
that of Zhou and others (2024, PSI-KT), with constant traits, a known graph and unknown strengths of its edges.

Everything is simulated, so the truth stands beside the estimates. The posterior is sampled without approximation: traits,
partially pooled over learners, strengths, difficulties, and every state of knowledge. The last four visits of everyone were
not shown to the fit; they are predicted from the last visit shown, and held against predictions that know no time.
"""
ABOUT = {
    "Model": "after Zhou, H. et al. (2024). Predictive, scalable and interpretable knowledge tracing on structured domains. "
    "ICLR. arXiv 2403.13179",
    "Data": f"simulated, seed {SEED}",
    "Sampler": "NUTS on the exact density, states and traits together, four chains",
}


def fit(study: classroom.Study, *, sampling: pm.Sampling = SAMPLING) -> TracingPosterior:
    """Fit the visits shown."""
    return tracing_posterior(
        study.shown,
        edges=classroom.EDGES,
        learners=study.learners,
        skills=classroom.SKILLS,
        prior=TracingPrior(),
        sampling=sampling,
        seed=SEED,
    )


def flat(values) -> np.ndarray:
    """Return all draws of a variable along the first axis."""
    array = values.to_numpy()
    return array.reshape(-1, *array.shape[2:])


def number_rows(study: classroom.Study, found: TracingPosterior) -> list[dict]:
    """Return population, strengths and difficulties with their truth."""
    rows = []
    for variable, estimand, labels, known in (
        ("population", "population", POPULATION, classroom.POPULATION),
        ("strength", "strength_of_prerequisite", found.posterior["edge"].to_numpy(), classroom.STRENGTH),
        ("difficulty", "difficulty", classroom.SKILLS, study.truth.difficulty),
    ):
        draws = flat(found.posterior[variable])
        for at, (label, value) in enumerate(zip(labels, known, strict=True)):
            told = found.diagnostics[variable][..., at]
            whole = {
                "estimand": estimand, "term": str(label), "reference": float(value), "n": len(study.learners),
                "conf_level": LEVEL, "method": "posterior; median of draws, equal tails",
                **{name: float(told.sel(diagnostic=name)) for name in ("rhat", "ess_bulk", "ess_tail")},
            }  # fmt: skip
            if found.gate.passed:
                low, middle, high = np.quantile(draws[:, at], [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
                limits = {"estimate": middle, "std_error": draws[:, at].std(ddof=1), "conf_low": low}
                rows.append(whole | limits | {"conf_high": high})
            else:
                rows.append(whole | {"reason": FAILED})
    return rows


def recovery_rows(study: classroom.Study, found: TracingPosterior) -> list[dict]:
    """Return how traits of learners are found again: correlation with the truth, shrinkage, intervals that hold it."""
    rows = []
    for at, trait in enumerate(TRAITS):
        draws, known = flat(found.posterior[trait]), study.truth.traits[at]
        if trait in ("rate", "spread"):
            draws, known = np.log(draws), np.log(known)
        low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)
        between, within = middle.var(ddof=1), draws.var(axis=0, ddof=1).mean()
        for estimand, value in (
            ("correlation_with_truth", np.corrcoef(middle, known)[0, 1]),
            ("reliability", between / (between + within)),
            ("share_of_intervals_that_hold_the_truth", np.mean((low <= known) & (known <= high))),
        ):
            rows.append({
                "estimand": estimand, "term": WORDS[trait], "n": len(known), "method": "none; learners of one simulation",
                "estimate": value if found.gate.passed else np.nan,
                "reason": "of one simulation; learners share a population" if found.gate.passed else FAILED,
            })  # fmt: skip
    return rows


def predicted(study: classroom.Study, found: TracingPosterior) -> np.ndarray:
    """Return the posterior predictive probability of a right answer at the visits held out, (point, k, l, w)."""
    rng = np.random.default_rng([SEED, 1])
    return np.array([
        forecast(point, gaps=study.later.gaps, graph=study.graph, rng=rng) for point in found.points
    ])  # fmt: skip


def score_rows(study: classroom.Study, found: TracingPosterior) -> list[dict]:
    """Return log scores of the answers held out, and how much better the model does; learners are the units."""
    seen = study.shown.tries.shape[2]
    chances = {
        "knowledge tracing": predicted(study, found).mean(axis=0),
        "Rasch, no time": classroom.rasch(study),
        "last answer": classroom.last_answer(study),
        "share right": classroom.share_right(study),
        "the true states": classroom.true_chance(study)[..., seen:],
    }
    scores = {name: classroom.log_scores(chance, study.later) for name, chance in chances.items()}
    first = scores["knowledge tracing"]
    rows = []
    for name, score in scores.items():
        rows.append(by_learner("log_score", name, score, found))
        if name != "knowledge tracing":
            rows.append(by_learner("log_score_gain", f"over {name}", first - score, found))
    return rows


def by_learner(estimand: str, term: str, values: np.ndarray, found: TracingPosterior) -> dict:
    """Return the mean over learners with its t interval."""
    whole = {
        "estimand": estimand, "term": term, "n": len(values), "conf_level": LEVEL, "method": "t; means of learners",
    }  # fmt: skip
    if not found.gate.passed:
        return whole | {"reason": FAILED}
    error = values.std(ddof=1) / np.sqrt(len(values))
    reach = t.ppf((1 + LEVEL) / 2, len(values) - 1) * error
    middle = values.mean()
    return whole | {
        "estimate": middle,
        "std_error": error,
        "conf_low": middle - reach,
        "conf_high": middle + reach,
    }


def gate_note(found: TracingPosterior) -> pm.Note:
    """Say whether the chains agree."""
    if found.gate.passed:
        text = f"Chains agree (largest R-hat {found.gate.rhat:.3f}, least ESS {found.gate.ess_bulk:.0f})."
        return pm.Note("converged", text, "info")
    return pm.Note("not_converged", " ".join(found.gate.words), "problem")


def results(study: classroom.Study, found: TracingPosterior) -> list[pm.Result]:
    """Return every result of the page."""
    used = {"reference": "truth", "seed": SEED, "learners": len(study.learners), "answers": len(study.table)}
    return [
        pm.make_result(
            "knowledge_tracing", number_rows(study, found), settings=used, notes=[gate_note(found)]
        ),
        pm.make_result("traits_of_learners", recovery_rows(study, found), settings=used),
        pm.make_result("answers_held_out", score_rows(study, found), settings=used),
    ]


def draw_traits(study: classroom.Study, found: TracingPosterior):
    """Draw estimates of the traits over their truth."""
    with settings():
        made = drawing(WIDTH, 2.6)
        for at, (axes, trait) in enumerate(zip(made.subplots(1, 4), TRAITS, strict=True)):
            low, middle, high = np.quantile(flat(found.posterior[trait]), [0.025, 0.5, 0.975], axis=0)
            known = study.truth.traits[at]
            axes.plot([known, known], [low, high], color=SOFT, linewidth=0.8, alpha=0.7)
            axes.plot(known, middle, "o", color=BLUE, markersize=3.5)
            ends = [min(known.min(), low.min()), max(known.max(), high.max())]
            axes.plot(ends, ends, color=BLACK, linewidth=0.8)
            if trait in ("rate", "spread"):
                axes.set(xscale="log", yscale="log")
                for axis in (axes.xaxis, axes.yaxis):
                    axis.set_major_locator(FixedLocator((0.03, 0.1, 0.3, 0.5, 1, 2)))
                    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_title(WORDS[trait])
            axes.set_xlabel("truth")
            axes.grid(color=GRID, linewidth=0.4)
            axes.minorticks_off()
        made.supylabel("posterior median, 95 %", fontsize=9)
        return finish(
            made,
            name="traits",
            alt="Long-term means lie near the line of equality; rates, spreads and transfers are drawn towards the population.",
            caption=(
                "One point per learner. What answers say little about is drawn towards the mean of the population.",
            ),
        )


def draw_paths(study: classroom.Study, found: TracingPosterior):
    """Draw the chance of a right answer of three learners, in three skills, and the forecast."""
    later = predicted(study, found)
    inside = np.array([expit(p.states - p.difficulty[:, None, None]) for p in found.points])
    whole = np.concatenate([inside, later], axis=3)
    truth = classroom.true_chance(study)
    days = np.cumsum(np.concatenate([study.shown.gaps, study.later.gaps], axis=1), axis=1)
    tries, correct = (
        np.concatenate([getattr(part, name) for part in (study.shown, study.later)], axis=2)
        for name in ("tries", "correct")
    )
    order = np.argsort(np.median(flat(found.posterior["half_life"]), axis=0))
    people, skills = (order[0], order[len(order) // 2], order[-1]), (0, 3, 4)
    seen = study.shown.tries.shape[2]
    with settings():
        made = drawing(WIDTH, 5.0)
        grid = made.subplots(3, 3, sharey=True, sharex="row")
        for down, one in enumerate(people):
            half = np.median(flat(found.posterior["half_life"])[:, one])
            for across, skill in enumerate(skills):
                axes = grid[down][across]
                low, middle, high = np.quantile(whole[:, skill, one], [0.025, 0.5, 0.975], axis=0)
                axes.fill_between(days[one], low, high, color=BLUE, alpha=0.2, linewidth=0)
                axes.plot(days[one], middle, color=BLUE)
                axes.plot(days[one], truth[skill, one], color=BLACK, linestyle=":", linewidth=1.3)
                there = tries[skill, one] > 0
                share = correct[skill, one][there] / tries[skill, one][there]
                axes.scatter(
                    days[one][there], share, s=8 * tries[skill, one][there], facecolor="none", edgecolor=VERMILLION,
                    linewidth=0.9,
                )  # fmt: skip
                axes.axvspan(days[one][seen - 1], days[one][-1], color=GRID, alpha=0.45, linewidth=0)
                axes.set_ylim(-0.06, 1.06)
                if down == 0:
                    axes.set_title(classroom.SKILLS[skill])
                if across == 0:
                    axes.set_ylabel(f"{study.learners[one]}\nhalf-life {half:.1f} days", fontsize=8.5)
        made.supxlabel("day", fontsize=9)
        return finish(
            made,
            name="paths",
            alt="Bands of the chance of a right answer follow the answers and widen where nothing was shown.",
            caption=(
                "Chance of a right answer: posterior median and 95 %, truth dotted, circles the share right at a visit "
                "(larger for more questions). Grey: not shown to the fit. Learners: fastest, middle and slowest to forget.",
            ),
        )


def draw_strengths(study: classroom.Study, found: TracingPosterior):
    """Draw the strengths of the edges."""
    rows = [row for row in number_rows(study, found) if row["estimand"] == "strength_of_prerequisite"]
    dots = [
        Dot(row["term"], "", row["estimate"], row["conf_low"], row["conf_high"], row["reference"])
        for row in rows
    ]
    return draw_dots(
        dots,
        name="strengths",
        axis="strength: shift of the mean per unit of the prerequisite, for a learner of typical transfer",
        alt="Strengths of five prerequisites with intervals; four of the five hold the truth.",
        caption=("Posterior median and 95 %.",),
        reach=(0.0, 1.0),
    )


def pictures(study: classroom.Study, found: TracingPosterior) -> Section:
    """Return the section with the figures; without them where the chains disagree."""
    lead = Paragraph(("Learners, prerequisites and states, with the truth beside.",), "lead")
    drawn = (
        (draw_traits(study, found), draw_strengths(study, found), draw_paths(study, found))
        if found.gate.passed
        else ()
    )
    return Section("Learners and prerequisites", "learners", (lead, *drawn))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "report", help="folder to write")
    asked = parser.parse_args()
    study = classroom.simulate(**STUDY)
    try:
        found = fit(study)
        page = pm.write_page(
            results(study, found),
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
