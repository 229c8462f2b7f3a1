"""Tables with known truth: the tests' oracle, the docs' example, the planning tool."""

from psychomet.table.simulate.population import Population, make_population
from psychomet.table.simulate.study import SimulatedStudy, draw_frame, simulate_study
from psychomet.table.simulate.truth import known_truth

__all__ = [
    "Population",
    "SimulatedStudy",
    "draw_frame",
    "known_truth",
    "make_population",
    "simulate_study",
]
