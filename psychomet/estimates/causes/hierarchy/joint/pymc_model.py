"""The same density as a model of PyMC, for where nutpie is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from psychomet.estimates.causes.hierarchy.sampling import Density

Floats = NDArray[np.float64]


class _LogDensity(Op):  # type: ignore[misc]
    """Value and gradient as two outputs of one node."""

    def __init__(self, density: Density) -> None:
        self.density = density

    def make_node(self, *inputs: Any) -> Any:
        return Apply(self, [pt.as_tensor_variable(inputs[0])], [pt.dscalar(), pt.dvector()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        value, slope = self.density(inputs[0])
        outputs[0][0], outputs[1][0] = np.asarray(value), np.asarray(slope)

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> Any:
        return [output_grads[0] * outputs[1]]


def flat_model(density: Density, start: Floats) -> Any:
    """Return a model with one vector ``x`` and the density as its potential.

    Parameters
    ----------
    density : callable
        (m,) array -> (log density, gradient).
    start : (m,) array
        Where chains start, up to a random step of PyMC.
    """
    with pm.Model() as model:
        x = pm.Flat("x", shape=start.size, initval=start)
        found: Any = _LogDensity(density)(x)
        pm.Potential("density", found[0])
    return model
