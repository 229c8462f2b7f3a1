"""The reference implementation where it is right, and each of its faults."""

from __future__ import annotations

import numpy as np
import pytest

from psychomet.estimates.causes.independence import independence
from psychomet.numerics.dependence.fourier import randomised_test
from psychomet.numerics.dependence.kernels import standardised
from psychomet.table.read_features import from_arrays

cit = pytest.importorskip("causallearn.utils.cit", reason="needs the extra causal")

MARGINAL = 1e-9  # a factor leaves out 1e-10 of a kernel
CONDITIONAL = 2e-4  # causal-learn leaves out eigenvalues below 1e-5 of the largest
CLOSED = 1e-10


def columns(n: int) -> np.ndarray:
    rng = np.random.default_rng(8)
    z = rng.normal(size=n)
    return np.column_stack([z + rng.normal(size=n), np.sin(z) + rng.normal(size=n), z])


def our_p(data: np.ndarray, test: str, *, given: bool) -> float:
    table = from_arrays({"x": data[:, 0], "y": data[:, 1], "z": data[:, 2]})
    found = independence(
        table, traits="x", others="y", given="z" if given else None, test=test, null="gamma", seed=1
    )
    return float(found.estimates["p_value"].iloc[0])


@pytest.mark.parametrize("n", [100, 500])
@pytest.mark.parametrize("given", [False, True])
def test_kci_is_equal(n: int, given: bool) -> None:
    data = columns(n)
    wanted = cit.CIT(data, "kci")(0, 1, [2] if given else None)
    assert our_p(data, "kci", given=given) == pytest.approx(wanted, abs=CONDITIONAL if given else MARGINAL)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("test", ["fisherz", "chisq", "gsq"])
def test_closed_tests_are_equal(test: str, given: bool) -> None:
    data = columns(400)
    if test != "fisherz":
        data = np.clip(np.round(data), -2, 2)
    wanted = cit.CIT(data, test)(0, 1, [2] if given else None)
    assert our_p(data, test, given=given) == pytest.approx(wanted, abs=CLOSED)


def test_fault_rcit_is_not_seeded() -> None:
    data = columns(400)[:, :2]
    theirs = {cit.CIT(data, "rcit")(0, 1) for _ in range(4)}
    assert len(theirs) == 4, "causal-learn now seeds RCIT: the documentation may say so"
    points = [standardised(column) for column in data.T]
    ours = {randomised_test(*points, rng=np.random.default_rng(1)).p_value for _ in range(4)}
    assert len(ours) == 1


def test_fault_the_cache_takes_one_table_for_another() -> None:
    # The key of the table is the hash of its printed form, in which numpy leaves out the middle.
    first = np.random.default_rng(1).normal(size=(2000, 2))
    second = first.copy()
    second[100:1900, 1] = second[100:1900, 0]
    hashes = {cit.CIT(data, "fisherz").data_hash for data in (first, second)}
    assert len(hashes) == 1, "causal-learn now tells these tables apart: the documentation may say so"
    tables = [from_arrays({"x": data[:, 0], "y": data[:, 1]}) for data in (first, second)]
    assert tables[0].contract["fingerprint"] != tables[1].contract["fingerprint"]


def test_fault_the_cache_returns_the_p_value_of_another_table(tmp_path: object) -> None:
    first = np.random.default_rng(1).normal(size=(2000, 2))
    second = first.copy()
    second[100:1900, 1] = second[100:1900, 0]
    path = f"{tmp_path}/cache/p.json"
    one = cit.CIT(first, "fisherz", cache_path=path)
    stale = one(0, 1)
    one.last_time_cache_saved = 0
    one.save_to_local_cache()
    other = cit.CIT(second, "fisherz", cache_path=path)
    assert other(0, 1) == stale
    assert cit.CIT(second, "fisherz")(0, 1) < 1e-100
