"""The eight packages of the developer environment are there and work: imported, and run once.

A resolver says that versions fit; it does not say that they work (matplotlib 3.11 with arviz-plots < 1,
scikit-learn 1.8 with factor_analyzer 0.5.1 resolve and fail). Each package therefore computes a number
that is known beforehand, in a process of its own. A package that is not installed skips; with
PSYCHOMET_REQUIRE_ALL=1, as in CI, it fails.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys

import pytest

# Library versions may order sums differently; the values below are exact in theory.
EXACT = 1e-9
# pymc folds small constants of a log density in single precision.
SINGLE = 1e-6
# A loading read off an iterative fit of a population correlation matrix.
FITTED = 1e-4

RUNS: dict[str, tuple[str, float, float]] = {
    "numpy": (
        "import numpy as np; value = np.linalg.solve([[2.0, 1.0], [1.0, 3.0]], [3.0, 5.0])[1]",
        1.4,
        EXACT,
    ),
    "scipy": ("from scipy.special import ndtri; value = ndtri(0.975)", 1.959963984540054, EXACT),
    "statsmodels": (
        "import numpy as np, statsmodels.api as sm\n"
        "x = np.arange(6.0); value = sm.OLS(1 + 2 * x, sm.add_constant(x)).fit().params[1]",
        2.0,
        EXACT,
    ),
    # Two items, variances 1 and 1, covariance 0.5: alpha = 2 * (1 - 2 / 3).
    "pingouin": (
        "import pandas as pd, pingouin\n"
        "frame = pd.DataFrame({'a': [-1.0, 0.0, 1.0], 'b': [-1.0, 1.0, 0.0]})\n"
        "value = pingouin.cronbach_alpha(frame)[0]",
        2 / 3,
        EXACT,
    ),
    "pymc": (
        "import pymc as pm, arviz\n"
        "with pm.Model() as model:\n"
        "    pm.Normal('x', 1.0, 2.0)\n"
        "value = model.compile_logp()({'x': 3.0})",
        -0.5 - math.log(2.0) - 0.5 * math.log(2 * math.pi),
        SINGLE,
    ),
    # x -> y -> z: the search drops the edge x - z and keeps two.
    "causallearn": (
        "import numpy as np\n"
        "from causallearn.search.ConstraintBased.PC import pc\n"
        "rng = np.random.default_rng(5); x = rng.normal(size=2000)\n"
        "y = x + rng.normal(size=2000); z = y + rng.normal(size=2000)\n"
        "graph = pc(np.column_stack([x, y, z]), alpha=0.001, show_progress=False)\n"
        "value = len(graph.G.get_graph_edges())",
        2.0,
        EXACT,
    ),
    # One factor with loadings 0.8: every correlation is 0.64.
    "factor_analyzer": (
        "import numpy as np\n"
        "from factor_analyzer import FactorAnalyzer\n"
        "r = np.full((4, 4), 0.64); np.fill_diagonal(r, 1.0)\n"
        "fit = FactorAnalyzer(n_factors=1, rotation=None, method='minres', is_corr_matrix=True).fit(r)\n"
        "value = abs(fit.loadings_[0, 0])",
        0.8,
        FITTED,
    ),
    "jax": (
        "import jax; jax.config.update('jax_enable_x64', True)\n"
        "value = jax.jit(jax.grad(lambda x: x ** 3))(2.0)",
        12.0,
        EXACT,
    ),
}


@pytest.mark.parametrize("package", RUNS)
def test_package_computes_a_known_value(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed (make test installs it)")
    code, expected, tolerance = RUNS[package]
    script = f"{code}\nimport json; print(json.dumps(float(value)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == pytest.approx(expected, abs=tolerance)
