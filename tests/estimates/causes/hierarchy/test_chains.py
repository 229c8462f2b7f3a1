"""Chains: each has a seed of its own, is kept as it ends, and is read again only for the same posterior."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psychomet.errors import InputError
from psychomet.estimates.causes.hierarchy.sampling import Sampling, sample_density

pytest.importorskip("nutpie")

SIZE = 3


class Counted:
    """A normal density that counts how often it is asked, and breaks off where it is told to."""

    def __init__(self, *, centre: float = 0.0, most: int | None = None) -> None:
        self.centre, self.asked, self.most = centre, 0, most

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.asked += 1
        if self.most is not None and self.asked > self.most:
            raise KeyboardInterrupt
        away = x - self.centre
        return float(-away @ away / 2), -away


def drawn(density: Counted, folder: Path | None, **settings: int) -> np.ndarray:
    sampling = Sampling(
        draws=100, tune=100, chains=3, checkpoint=None if folder is None else str(folder), **settings
    )
    return sample_density(
        density, start=np.zeros(SIZE), model=lambda: None, stacked=lambda _: np.empty(0),
        sampling=sampling, seed=7,
    ).x  # fmt: skip


def test_a_checkpoint_changes_nothing_and_saves_the_second_run(tmp_path: Path) -> None:
    plain = drawn(Counted(), None)
    assert plain.shape == (3, 100, SIZE)
    assert np.abs(plain[0] - plain[1]).min() > 0  # chains differ
    np.testing.assert_array_equal(drawn(Counted(), tmp_path), plain)
    assert len(list(tmp_path.iterdir())) == 3
    again = Counted()
    np.testing.assert_array_equal(drawn(again, tmp_path), plain)
    assert again.asked < 10  # the start and the name of the checkpoint


def test_what_was_broken_off_goes_on(tmp_path: Path) -> None:
    plain = drawn(Counted(), tmp_path)
    sorted(tmp_path.iterdir())[1].unlink()
    rest = Counted()
    np.testing.assert_array_equal(drawn(rest, tmp_path), plain)
    assert 100 < rest.asked < 3000
    assert not list(tmp_path.glob("*.part"))


def test_another_posterior_or_another_length_is_not_mistaken(tmp_path: Path) -> None:
    plain = drawn(Counted(), tmp_path)
    other = drawn(Counted(centre=0.001), tmp_path)
    assert np.abs(other - plain).max() > 0
    assert len(list(tmp_path.iterdir())) == 6


def test_cores_do_not_change_the_draws() -> None:
    np.testing.assert_array_equal(drawn(Counted(), None, cores=3), drawn(Counted(), None))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    drawn(Counted(), tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match=r"sampling.checkpoint: it cannot be read"):
        drawn(Counted(), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    with pytest.raises(InputError, match=r"sampling.checkpoint: it cannot be written"):
        drawn(Counted(), place)


def test_a_start_without_density_is_an_error_in_words() -> None:
    with pytest.raises(InputError, match="not finite where the chains should start"):
        sample_density(
            lambda x: (float("nan"), x), start=np.zeros(2), model=lambda: None,
            stacked=lambda _: np.empty(0), sampling=Sampling(), seed=1,
        )  # fmt: skip
