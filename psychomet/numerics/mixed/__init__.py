"""Linear mixed models: fixed effects with crossed random intercepts and slopes, by REML or maximum likelihood."""

from psychomet.numerics.mixed.fit import Mixed, mixed
from psychomet.numerics.mixed.system import RandomTerm

__all__ = ["Mixed", "RandomTerm", "mixed"]
