"""Linear mixed models: fixed effects with crossed random intercepts and slopes, by REML or maximum likelihood."""

from psychomet.numerics.mixed.fit import Freedom, Mixed, mixed
from psychomet.numerics.mixed.system import RandomTerm

__all__ = ["Freedom", "Mixed", "RandomTerm", "mixed"]
