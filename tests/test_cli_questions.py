"""``psychomet plan`` and ``psychomet estimate``: what they print, what they write, what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import psychomet as pm
from psychomet.cli import BAD_INPUT, main

KEY = """
name = "tiny"
[[scale]]
name = "Calm"
low = 1
high = 5
items = ["i0", "i1", "i2", "i3"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty respondents, four items under three prompts, and the key."""
    made = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(9)
    rows = []
    for i in range(40):
        trait = rng.normal()
        for prompt in ("a", "b", "c"):
            shift = rng.normal(scale=0.4)
            for item in range(4):
                code = np.clip(np.rint(3 + 0.9 * trait + shift + rng.normal(scale=0.8)), 1, 5)
                rows.append((f"r{i:02d}", f"i{item}", int(code), prompt))
    frame = pd.DataFrame(rows, columns=["respondent", "item", "response", "prompt"])
    frame.to_csv(made / "answers.csv", index=False)
    (made / "key.toml").write_text(KEY, encoding="utf-8")
    return made


def run(folder: Path, *arguments: str, out: Path) -> Result:
    named = [argument.replace("ANSWERS", str(folder / "answers.csv")) for argument in arguments]
    return CliRunner().invoke(
        main, [*named, "--key", str(folder / "key.toml"), "--out", str(out), "--n-boot", "100"]
    )


def test_a_plan_says_the_cheapest_design_and_writes_its_page(folder: Path, tmp_path: Path) -> None:
    limits = ("--max", "item=8", "--max", "prompt=5")
    done = run(folder, "plan", "ANSWERS", "--target", "0.7", *limits, "--cost", "0.5", out=tmp_path / "plan")
    assert done.exit_code == 0, done.output
    first = done.stdout.splitlines()[0]
    assert first.startswith("Calm: item = ")
    generalizability, plan = pm.load(tmp_path / "plan")
    assert (generalizability.question, plan.question) == ("generalizability", "plan")
    assert (plan.settings["target"], plan.settings["coefficient"], plan.settings["cost"]) == (0.7, "g", 0.5)
    assert plan.settings["limits"] == {"item": 8, "prompt": 5}
    chosen = plan.settings["plan"]["Calm"]
    assert chosen["numbers"]["item"] <= 8
    assert chosen["numbers"]["prompt"] <= 5
    assert chosen["calls"] == 0.5 * np.prod(list(chosen["numbers"].values()))
    page = (tmp_path / "plan" / "index.html").read_text(encoding="utf-8")
    assert 'id="plan"' in page
    assert (tmp_path / "plan" / "figures" / "plan-curves-1.svg").exists()
    assert (tmp_path / "plan" / "plan.csv").exists()


def test_a_plan_out_of_reach_says_so(folder: Path, tmp_path: Path) -> None:
    limits = ("--max", "item=1", "--max", "prompt=1")
    done = run(
        folder, "plan", "ANSWERS", "--target", "0.99", "--coefficient", "phi", *limits, out=tmp_path / "plan"
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Calm: none; ")
    assert "no design within the limits reaches a Phi coefficient of 0.99" in (
        tmp_path / "plan" / "index.html"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--max", "item"), "is not NAME=NUMBER"),
        (("--max", "item=0"), "is not NAME=NUMBER"),
        (("--max", "item=x"), "is not NAME=NUMBER"),
        (("--max", "weather=3"), "no facet of the table: 'weather'"),
        (("--target", "1.2"), "--target"),
        (("--cost", "-1"), "neither a cost nor NAME=COST"),
        (("--cost", "much"), "neither a cost nor NAME=COST"),
        (("--cost", "1", "--cost", "item=2"), "name every cost"),
        (("--respondents", "0"), "--respondents"),
        (("--coefficient", "omega"), "--coefficient"),
    ],
)
def test_a_plan_refuses_what_makes_no_sense_and_writes_nothing(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(folder, "plan", "ANSWERS", *arguments, out=tmp_path / "plan")
    assert done.exit_code == BAD_INPUT
    assert said in done.output
    assert not (tmp_path / "plan").exists()


def test_a_question_by_name_prints_its_table_and_writes_its_page(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "estimate", "reliability", "ANSWERS", out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["estimand", "term"]
    assert any(line.startswith("alpha ") for line in lines)
    assert lines[-1] == str(tmp_path / "one" / "index.html")
    (result,) = pm.load(tmp_path / "one")
    assert result.question == "reliability"


def test_rows_that_bear_one_name_are_told_apart_by_their_method(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "estimate", "dimensions", "ANSWERS", out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stdout.splitlines() if line.startswith("n_factors")]
    assert len(set(lines)) == len(lines) > 10
    assert any("empirical Kaiser criterion" in line and "pearson" not in line for line in lines)


def test_further_coefficients_and_groups_can_be_asked_for(folder: Path, tmp_path: Path) -> None:
    asked = (
        "estimate",
        "reliability",
        "ANSWERS",
        "--set",
        "coefficients=alpha,lambda2",
        "--by",
        "prompt",
    )
    done = run(folder, *asked, out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    (result,) = pm.load(tmp_path / "one")
    assert {"lambda2", "equal_alphas"} <= set(result.estimates["estimand"])
    assert {"", "prompt = a"} <= set(result.estimates["group"])
    assert "Guttman lambda 2" in (tmp_path / "one" / "index.html").read_text(encoding="utf-8")


def test_any_facet_may_play_the_rater(folder: Path, tmp_path: Path) -> None:
    asked = (
        "estimate",
        "rater_agreement",
        "ANSWERS",
        "--set",
        "across=prompt",
        "--set",
        "measurement=interval",
    )
    done = run(folder, *asked, out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    assert "krippendorff_alpha" in done.stdout
    (result,) = pm.load(tmp_path / "one")
    assert (result.settings["across"], result.settings["measurement"]) == ("prompt", "interval")


def test_an_unknown_question_names_those_there_are(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "estimate", "relaibility", "ANSWERS", out=tmp_path / "one")
    assert done.exit_code == BAD_INPUT
    assert "reliability" in done.stderr and "rater_agreement" in done.stderr
    assert not (tmp_path / "one").exists()


def test_raters_that_are_not_there_are_bad_input(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "estimate", "rater_agreement", "ANSWERS", out=tmp_path / "one")
    assert done.exit_code == BAD_INPUT
    assert "'rater' is no facet of the table" in done.stderr


def test_factors_of_two_tables_are_compared(folder: Path, tmp_path: Path) -> None:
    asked = (
        "estimate",
        "congruence",
        "ANSWERS",
        "--other",
        str(folder / "answers.csv"),
        "--set",
        "n_factors=1",
    )
    done = run(folder, *asked, out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    (result,) = pm.load(tmp_path / "one")
    alike = result.estimates.query("estimand == 'congruence'")["estimate"]
    np.testing.assert_allclose(alike, 1, atol=1e-9)


def test_a_model_of_ones_own_is_read_from_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("Calm =~ i0 + i1 + i2 + i3\ni0 ~~ i1\n", encoding="utf-8")
    model = ("--model", str(tmp_path / "model.txt"))
    done = run(folder, "estimate", "confirmatory", "ANSWERS", *model, out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    (result,) = pm.load(tmp_path / "one")
    assert "residual_covariance" in set(result.estimates["estimand"])
    for text, said in (
        (b"Calm =~ i0 + i1\nwhat is this\n", "line 2: no operator in 'what is this'"),
        (b"Calm =~ i0 + i9 + i1\n", "i9"),
        (b"Calm =~ i0 + \xff\n", "not UTF-8"),
    ):
        (tmp_path / "model.txt").write_bytes(text)
        done = run(folder, "estimate", "confirmatory", "ANSWERS", *model, out=tmp_path / "two")
        assert done.exit_code == BAD_INPUT
        assert said in done.stderr
        assert not (tmp_path / "two").exists()


def test_arguments_that_are_lists_come_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text("facet = 'prompt'\nreference = 'a'\n[doses]\na = 0\nb = 1\nc = 2.5\n", encoding="utf-8")
    asked = ("estimate", "effects", "ANSWERS", "--options", str(file))
    done = run(folder, *asked, out=tmp_path / "one")
    assert done.exit_code == 0, done.output
    (result,) = pm.load(tmp_path / "one")
    assert result.settings["doses"] == {"a": 0, "b": 1, "c": 2.5}
    assert "dose_rho" in set(result.estimates["estimand"])
    done = run(folder, *asked, "--set", "reference=b", out=tmp_path / "two")
    assert done.exit_code == 0, done.output
    assert pm.load(tmp_path / "two")[0].settings["reference"] == "b", "--set is the last word"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"facet = prompt", "Write NAME = VALUE lines, texts in quotes"),
        (b"nonsense = 1\nmore = 2", "no option 'more'"),
        (b"\xff\xfe", "not UTF-8"),
        (b"facet = 'prompt'\ndoses = [1, 2]", "doses"),
    ],
)
def test_a_file_of_arguments_that_makes_no_sense_is_one_clear_error(
    folder: Path, tmp_path: Path, text: bytes, said: str
) -> None:
    file = tmp_path / "options.toml"
    file.write_bytes(text)
    done = run(folder, "estimate", "effects", "ANSWERS", "--options", str(file), out=tmp_path / "one")
    assert done.exit_code == BAD_INPUT, done.output
    assert said in done.output
    assert not (tmp_path / "one").exists()
