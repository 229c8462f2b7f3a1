"""The searches: PC, FCI and GES of causal-learn with guards, GRaSP, BOSS, DirectLiNGAM and GIN of this package.

What causal-learn does, and what is done about it here:

- its tests keep p values in a file under a hash of the printed array, which is the same for long arrays that differ in
  the middle: our own test is handed over, with a memory of its own, and no file is written;
- GRaSP draws from the global generator of ``random``, unseeded, and takes no background knowledge: own code is run instead;
- progress bars and messages go to the terminal: bars are off, and what is printed is caught;
- FCI turns "later cannot cause earlier" into "earlier causes later", which forgets an unseen cause: the knowledge is
  put on the graph here, as an arrow at the later end only;
- FCI's rules for selected respondents fire where they must not and write tails: those ends are left open;
- names of nodes are taken as patterns: nodes are known by number;
- GIN tests the first columns of the table in the place of those in question: own code is run instead.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from psychomet.estimates.causes.discovery_tests import Ask, asker
from psychomet.numerics import gin, lingam
from psychomet.numerics.graphs.marks import (
    ARROW,
    CIRCLE,
    NONE,
    TAIL,
    Bools,
    Marks,
    from_children,
    reach,
)
from psychomet.numerics.graphs.order_scores import Scores
from psychomet.numerics.graphs.order_search import best_order
from psychomet.numerics.graphs.orient import equivalence_class, with_knowledge
from psychomet.numerics.graphs.tuck_search import tucked_order
from psychomet.scores.feature_columns import Columns

Floats = NDArray[np.float64]

CONSTRAINT = ("pc", "fci")
SCORED = ("ges", "grasp", "boss")
NON_GAUSSIAN = ("direct_lingam", "gin")
METHODS = (*CONSTRAINT, *SCORED, *NON_GAUSSIAN)
KNOWING = ("pc", "fci", "grasp", "boss", "direct_lingam")
BY_CAUSAL_LEARN = ("pc", "fci", "ges")
STARTS = 10  # of the order searches
_MARKS = {0: NONE, -1: TAIL, 1: ARROW, 2: CIRCLE}


class Plan(NamedTuple):
    """How to search.

    Attributes
    ----------
    method, test : str
        The search, and its test of independence.
    significance, penalty : float
        Level of the tests; multiple of BIC's penalty.
    max_given : int
        Most features held in one test; -1 for no limit.
    forbidden, required : (k, k) array of bool
        i must not, must cause j.
    later : (k, k) array of bool
        i stands in a later tier than j.
    """

    method: str
    test: str
    significance: float
    penalty: float
    max_given: int
    forbidden: Bools
    required: Bools
    later: Bools


class Found(NamedTuple):
    """What a search found.

    Attributes
    ----------
    marks : (k, k) array of marks
        The graph of the features.
    coefficient : (k, k) array, or None
        Linear effects, where the method gives them.
    ordered, unordered : list of list of int
        Indicators of unseen causes (GIN), in causal order, and those without a place.
    against : int
        Edges that background knowledge had to turn.
    """

    marks: Marks
    coefficient: Floats | None = None
    ordered: tuple[tuple[int, ...], ...] = ()
    unordered: tuple[tuple[int, ...], ...] = ()
    against: int = 0


def search(data: Columns, rows: NDArray[np.intp], plan: Plan, seed: int) -> Found:
    """Search for the graph of some rows.

    Parameters
    ----------
    data : Columns
        The features.
    rows : (m,) array of int
        Rows to use.
    plan : Plan
        How.
    seed : int
        Of searches that draw.
    """
    if plan.method in CONSTRAINT:
        ask = asker(data, rows, plan.test, seed=seed)
        return _pc(ask, plan) if plan.method == "pc" else _fci(ask, plan)
    used = rows[data.there[rows].all(axis=1)]
    joint = np.concatenate([block[used] for block in data.blocks], axis=1)
    if plan.method == "direct_lingam":
        return _lingam(joint, plan)
    if plan.method == "gin":
        return _gin(joint, plan)
    moments = np.cov(joint, rowvar=False, ddof=0).reshape(joint.shape[1], -1)
    if plan.method == "ges":
        return _ges(moments, used.size, plan)
    return _by_order(data, moments, used.size, plan, seed)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Catch what causal-learn prints, and its remarks on its own code."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _test_class() -> str:
    """Make our tests known to causal-learn, and return the name under which it finds them."""
    from causallearn.utils import cit

    name = "psychomet"

    # The test never looks at their array: it is handed the answers of `asker`.
    def start(self: Any, data: object, ask: Ask) -> None:
        self.ask, self.method = ask, name

    def call(self: Any, x: int, y: int, z: Any = None) -> float:
        held = [] if z is None else [int(one) for one in z]
        return float(self.ask(int(x), int(y), held))

    made = type("Asker", (cit.CIT_Base,), {"__init__": start, "__call__": call})
    cit.register_ci_test(name, made)
    return name


def _knowledge(plan: Plan, *, both_only: bool) -> Any:
    """Return background knowledge for causal-learn, nodes by number."""
    from causallearn.graph.GraphNode import GraphNode
    from causallearn.utils.PCUtils.BackgroundKnowledge import BackgroundKnowledge

    known = BackgroundKnowledge()
    nodes = [GraphNode(f"X{at + 1}") for at in range(len(plan.forbidden))]
    wanted = plan.forbidden & plan.forbidden.T if both_only else plan.forbidden
    for cause, effect in zip(*np.nonzero(wanted), strict=True):
        if cause != effect:
            known.add_forbidden_by_node(nodes[cause], nodes[effect])
    if not both_only:
        for cause, effect in zip(*np.nonzero(plan.required), strict=True):
            known.add_required_by_node(nodes[cause], nodes[effect])
    return known


def _marks_of(graph: Any) -> Marks:
    """Translate causal-learn's matrix: there [i, j] is the mark at i."""
    codes = np.asarray(graph).astype(int).T
    marks = np.zeros(codes.shape, dtype=np.int8)
    for code, mark in _MARKS.items():
        marks[codes == code] = mark
    return marks


def _pc(ask: Ask, plan: Plan) -> Found:
    from causallearn.search.ConstraintBased.PC import pc

    k = len(plan.forbidden)
    with _quiet():
        found = pc(
            np.zeros((k + 1, k)), plan.significance, _test_class(), show_progress=False, ask=ask,
            background_knowledge=_knowledge(plan, both_only=False),
            max_k=None if plan.max_given < 0 else plan.max_given,
        )  # fmt: skip
    marks = _marks_of(found.G.graph)
    # Colliders that disagree leave two arrows, which in a graph without unseen causes says that the direction is open.
    marks[(marks == ARROW) & (marks.T == ARROW)] = TAIL
    return _told(marks, plan)


def _told(marks: Marks, plan: Plan) -> Found:
    """Put required edges and directions on a graph without unseen causes."""
    turned = plan.required & ((marks != ARROW) | (marks.T != TAIL))
    marks = marks.copy()
    marks[turned], marks.T[turned] = ARROW, TAIL
    wrong = (marks == ARROW) & (marks.T == TAIL) & plan.forbidden & ~plan.forbidden.T
    marks[wrong], marks.T[wrong] = TAIL, ARROW
    done, _ = with_knowledge(marks, plan.forbidden)
    return Found(done, against=int(turned.sum() + wrong.sum()))


def _fci(ask: Ask, plan: Plan) -> Found:
    from causallearn.search.ConstraintBased.FCI import fci

    k = len(plan.forbidden)
    with _quiet():
        graph, _ = fci(
            np.zeros((k + 1, k)), _test_class(), plan.significance, depth=plan.max_given, show_progress=False,
            background_knowledge=_knowledge(plan, both_only=True), ask=ask,
        )  # fmt: skip
    marks = _marks_of(graph.graph)
    # Rules 5 to 7 speak of selected respondents, which is ruled out here; causal-learn's also fire round chorded circles.
    selected = (marks == TAIL) & (marks.T != ARROW)
    marks[selected | selected.T] = CIRCLE
    joined = marks != NONE
    # i cannot cause j: an arrow at the end of i, that is marks[j, i].
    barred = joined & plan.forbidden
    against = int((barred & (marks.T == TAIL)).sum())
    marks.T[barred] = ARROW
    marks[plan.required], marks.T[plan.required] = ARROW, TAIL
    return Found(marks, against=against)


def _ges(moments: Floats, n: int, plan: Plan) -> Found:
    from causallearn.search.ScoreBased.GES import ges

    with _quiet():
        record = ges(cov=moments, n=n, lambda_value=plan.penalty / 2)
    return Found(_marks_of(record["G"].graph))


def _by_order(data: Columns, moments: Floats, n: int, plan: Plan, seed: int) -> Found:
    """BOSS and GRaSP: the graph of the best order, and what of its class the knowledge leaves open."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *(block.shape[1] for block in data.blocks)])
    blocks = [np.arange(starts[at], starts[at + 1]) for at in range(len(data.blocks))]
    before = plan.required | plan.later.T
    scores = Scores(moments, blocks, n, plan.penalty, plan.forbidden, plan.required)
    find = best_order if plan.method == "boss" else tucked_order
    children = find(scores, starts=[_start(before, rng) for _ in range(STARTS)], rng=rng)
    marks, _ = with_knowledge(equivalence_class(from_children(children)), plan.forbidden)
    marks[plan.required], marks.T[plan.required] = ARROW, TAIL
    return Found(marks)


def _start(before: Bools, rng: np.random.Generator) -> list[int]:
    """Return a random order that keeps what must stand before what."""
    left = rng.permutation(len(before)).tolist()
    order: list[int] = []
    while left:
        free = next(one for one in left if not before[left, one].any())
        order.append(free)
        left.remove(free)
    return order


def _lingam(joint: Floats, plan: Plan) -> Found:
    before = reach(plan.required | plan.later.T) & ~np.eye(len(plan.forbidden), dtype=bool)
    order = lingam.causal_order(joint, before=before).order
    made = lingam.strengths(joint, order, barred=plan.forbidden, significance=plan.significance)
    there = (made.coefficient != 0) | plan.required
    return Found(from_children(there), coefficient=made.coefficient)


def _gin(joint: Floats, plan: Plan) -> Found:
    made = gin.clusters(joint, significance=plan.significance)
    marks = np.zeros((joint.shape[1],) * 2, dtype=np.int8)
    for cluster in (*made.ordered, *made.unordered):
        marks[np.ix_(cluster, cluster)] = ARROW
    np.fill_diagonal(marks, NONE)
    return Found(marks, None, tuple(map(tuple, made.ordered)), tuple(map(tuple, made.unordered)))
