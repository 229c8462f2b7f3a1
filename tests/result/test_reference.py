"""Known values beside estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psychomet.errors import InputError
from psychomet.result.reference import with_reference
from psychomet.result.result import make_result


def example():
    rows = [
        {
            "estimand": "alpha",
            "term": scale,
            "estimate": 0.7,
            "conf_low": 0.6,
            "conf_high": 0.8,
            "method": method,
        }
        for scale in ("A", "B")
        for method in ("feldt", "bootstrap")
    ]
    return make_result("reliability", rows, arrays={"x": np.ones(2)}, settings={"seed": 1})


def test_every_method_of_an_estimate_gets_its_value_and_others_get_none() -> None:
    known = pd.DataFrame({"estimand": ["alpha", "omega"], "term": ["A", "A"], "reference": [0.75, 0.8]})
    result = with_reference(example(), known=known)
    assert result.estimates["reference"].tolist()[:2] == [0.75, 0.75]
    assert result.estimates["reference"].isna().tolist() == [False, False, True, True]
    assert result.settings == {"seed": 1, "reference": "published"} and set(result.arrays) == {"x"}


def test_an_estimate_named_twice_is_refused() -> None:
    known = pd.DataFrame({"estimand": ["alpha"] * 2, "term": ["A"] * 2, "reference": [0.75, 0.8]})
    with pytest.raises(InputError, match="name an estimate twice, the first alpha / A"):
        with_reference(example(), known=known)


def test_a_frame_without_values_is_refused() -> None:
    with pytest.raises(InputError, match="no such column"):
        with_reference(example(), known=pd.DataFrame({"estimand": ["alpha"]}))
