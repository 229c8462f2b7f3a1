"""The posterior on the command line: settings as NAME=VALUE and as a table of a TOML file."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import psychomet as pm
from psychomet.cli import main
from psychomet.studies import QUESTIONS, read_options, read_options_text
from psychomet.studies.engines import engine_settings

KEY = 'name = "k"\n[[scale]]\nname = "Calm"\nlow = 1\nhigh = 5\nitems = ["i0", "i1", "i2", "i3"]\n'


def test_settings_are_read_as_text_and_as_toml() -> None:
    pairs = [
        ("sampling", "draws=200,chains=2,target_accept=0.95"),
        ("priors", "sd_family=half_normal,sd_scale=2"),
    ]
    found = read_options(pairs, question="hierarchy")
    assert found["sampling"] == {"draws": 200, "chains": 2, "target_accept": 0.95}
    assert found["priors"] == {"sd_family": "half_normal", "sd_scale": 2}
    own = signature(QUESTIONS["hierarchy"]).parameters
    made = engine_settings(found, own)
    assert made["sampling"] == pm.Sampling(draws=200, chains=2, target_accept=0.95)
    assert made["priors"] == pm.Priors(sd_family="half_normal", sd_scale=2)
    text = "[priors]\nsd_scale_by = {item = 0.5}\n"
    table = read_options_text(text, question="hierarchy", subject="x.toml")
    assert engine_settings(table, own)["priors"] == pm.Priors(sd_scale_by={"item": 0.5})
    with pytest.raises(pm.InputError, match=r"sampling: it has no 'drws'(.|\n)*There are: draws, tune"):
        engine_settings({"sampling": {"drws": 3}}, own)
    with pytest.raises(pm.InputError, match="sampling"):
        read_options([("sampling", "draws")], question="hierarchy")


def test_the_command_writes_page_numbers_and_draws(tmp_path: Path) -> None:
    pytest.importorskip("arviz")
    pytest.importorskip("nutpie")
    rng = np.random.default_rng(3)
    trait = rng.normal(size=20)
    rows = [
        (f"r{i:02d}", f"i{j}", int(np.clip(np.rint(3 + trait[i] + rng.normal(scale=0.8)), 1, 5)))
        for i in range(20)
        for j in range(4)
    ]
    pd.DataFrame(rows, columns=["respondent", "item", "response"]).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "key.toml").write_text(KEY, encoding="utf-8")
    done = CliRunner().invoke(
        main,
        ["estimate", "hierarchy", str(tmp_path / "a.csv"), "--key", str(tmp_path / "key.toml"), "--out", str(tmp_path / "o"),
         "--set", "sampling=draws=100,tune=100,chains=2", "--set", "model=gaussian"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (result,) = pm.load(tmp_path / "o")
    assert result.settings["sampling"]["draws"] == 100
    assert pm.posterior(result, scale="Calm").sizes["draw"] == 100
    assert 'id="hierarchy"' in (tmp_path / "o" / "index.html").read_text(encoding="utf-8")
