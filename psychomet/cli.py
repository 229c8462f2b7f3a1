"""The command line: each command reads, asks one function of the package, and writes whole files.

Exit codes: 0 fine; 1 the gate failed; 2 the input is bad or not comparable; 3 the gate is
inconclusive under ``--strict``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

BAD_INPUT = 2


def _guard(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the package's errors into one message and exit code 2."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        from psychomet.errors import PsychometError

        try:
            return command(*args, **kwargs)
        except PsychometError as error:
            click.echo(f"psychomet: {error}", err=True)
        except OSError as error:
            click.echo(f"psychomet: {error.filename or 'file'}: {error.strerror or error}", err=True)
        raise SystemExit(BAD_INPUT)

    return guarded


def _columns(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read OLD=NEW pairs."""
    pairs = {}
    for value in values:
        old, sep, new = value.rpartition("=")
        if not sep or not old or not new:
            raise click.BadParameter(f"{value!r} is not OLD=NEW, for instance model_name=model")
        pairs[old] = new
    return pairs


def _limits(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, int] | None:
    """Read NAME=NUMBER pairs; None where there is none."""
    pairs = {}
    for value in values:
        name, _sep, number = value.rpartition("=")
        if not name or not number.isascii() or not number.isdigit() or int(number) < 1:
            raise click.BadParameter(
                f"{value!r} is not NAME=NUMBER with a number from 1, for instance item=10"
            )
        pairs[name] = int(number)
    return pairs or None


def _costs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> float | dict[str, float]:
    """Read a number, or NAME=NUMBER pairs; a number alone is the cost of an answer."""
    found = {}
    for value in values:
        name, _sep, number = value.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = float("nan")
        if not 0 <= found[name] < float("inf"):
            raise click.BadParameter(f"{value!r} is neither a cost nor NAME=COST, for instance item=5")
    if set(found) <= {""}:
        return found.get("", 1.0)
    if "" in found:
        raise click.BadParameter("name every cost, for instance call=0.002 and item=5")
    return found


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Read NAME=VALUE pairs."""
    pairs = []
    for value in values:
        name, sep, text = value.partition("=")
        if not sep or not name or not text:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE, for instance group_factors=2")
        pairs.append((name.strip(), text))
    return pairs


def _text_of(path: str, option: str, what: str) -> str:
    """Read a text file, or say that it is none."""
    from psychomet.errors import Fault, InputError
    from psychomet.text import visible

    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Fault(option, f"it is not UTF-8 (byte {error.start})", f"Save {what} as UTF-8 text")
        raise InputError(visible(path), [fault]) from None


def _table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a table is read."""
    for option in (
        click.option("--column", "columns", multiple=True, callback=_columns, metavar="OLD=NEW",
                     help="Your column name and the name used here; may be repeated."),
        click.option("--facet", "facets", multiple=True, metavar="NAME",
                     help="A further column that was varied; may be repeated."),
        click.argument("answers", metavar="ANSWERS"),
    ):  # fmt: skip
        command = option(command)
    return command


_missing = click.option(
    "--missing", type=click.Choice(["available", "complete"]),
    help="Rule for missing answers; needed when there are any.",
)  # fmt: skip
_seed = click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the bootstrap."
)
_n_boot = click.option(
    "--n-boot", type=click.IntRange(min=100), default=1000, show_default=True, help="Bootstrap replicates."
)
_own_boot = click.option(
    "--n-boot", type=click.IntRange(min=0), help="Bootstrap replicates; default the question's own."
)
_conf = click.option("--conf-level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True, help="Coverage of the intervals.")  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="psychomet", message="%(prog)s %(version)s")
def main() -> None:
    """Measure traits: tidy answers in, defensible statements out.

    ANSWERS is a CSV, TSV, JSON lines, Parquet, Arrow or Feather file, or a quoted glob of such files:
    one row per answer, with columns respondent, item and response.
    """


@main.command()
@_table_options
@click.option("--key", type=click.Path(), help="The instrument (TOML).")
@_guard
def check(answers: str, facets: tuple[str, ...], columns: dict[str, str], key: str | None) -> None:
    """Say what is in a table, or everything that is wrong with it."""
    from psychomet.pages.terminal import design_text
    from psychomet.studies import check as check_table

    click.echo(design_text(check_table(answers, key=key, facets=facets, columns=columns)))


@main.command()
@_table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="CSV file to write.")
@_missing
@_guard
def score(
    answers: str, facets: tuple[str, ...], columns: dict[str, str], key: str, out: str, missing: str | None
) -> None:
    """Write the score of every scale in every administration as CSV."""
    from psychomet.result.store import write_csv
    from psychomet.scores.key import read_key
    from psychomet.scores.score import score as score_table
    from psychomet.studies import missing_rule
    from psychomet.table.read import read_responses

    chosen = read_key(key)
    responses = read_responses(answers, key=chosen, facets=facets, columns=columns)
    frame = score_table(responses, missing=missing_rule(responses, chosen, missing))
    write_csv(frame, Path(out))
    click.echo(f"{len(frame):,} scores written to {out}")


@main.command()
@_table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@click.option("--title", help="Heading of the page.")
@click.option("--by", metavar="FACET", help="All of it at each level of a facet, too.")
@_missing
@_conf
@_n_boot
@_seed
@_guard
def report(answers: str, out: str, **options: Any) -> None:
    """Write the page, its Quarto source, the figures and every number."""
    from psychomet.studies import report as write_report

    made = write_report(answers, out=out, **options)
    click.echo(f"{made.folder / 'index.html'}")


def _plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a plan."""
    for option in (
        click.option("--cost", multiple=True, callback=_costs, metavar="COST | NAME=COST",
                     help="Cost of one answer (default 1), or by name: call=0.002, item=5; may be repeated."),
        click.option("--max", "limits", multiple=True, callback=_limits, metavar="FACET=NUMBER",
                     help="Most conditions of a facet (item, sample, prompt ...); may be repeated."),
        click.option("--coefficient", type=click.Choice(["g", "phi"]), default="g", show_default=True,
                     help="g: respondents are compared; phi: scores are taken at their value."),
        click.option("--by", metavar="FACET", help="A plan for each level of a facet, too."),
        click.option("--respondents", type=click.IntRange(min=1),
                     help="Respondents that share the costs of items, prompts ...; default those of the table."),
        click.option("--target", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.8,
                     show_default=True, help="Coefficient to be reached."),
    ):  # fmt: skip
        command = option(command)
    return command


@main.command()
@_table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@_plan_options
@_missing
@_conf
@_n_boot
@_seed
@_guard
def plan(
    answers: str,
    out: str,
    target: float,
    coefficient: str,
    limits: dict[str, int] | None,
    cost: float | dict[str, float],
    by: str | None,
    respondents: int | None,
    **options: Any,
) -> None:
    """Find the cheapest numbers of items, prompts, repetitions at which a score is reliable enough."""
    from psychomet.pages.terminal import plan_text
    from psychomet.studies import plan_report

    own = {"target": target, "coefficient": coefficient, "limits": limits, "cost": cost}
    own |= {"by": by, "respondents": respondents}
    made = plan_report(answers, out=out, options=own, **options)
    click.echo(plan_text(made.results[-1]))
    click.echo(f"{made.folder / 'index.html'}")


@main.command()
@click.argument("question", metavar="QUESTION")
@_table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@click.option("--by", metavar="FACET", help="The same at each level of a facet.")
@click.option(
    "--model", type=click.Path(), help="For confirmatory: a file with the model, in lavaan's syntax."
)
@click.option("--other", type=click.Path(), help="For congruence: a second table, of people, say.")
@click.option(
    "--options", "file", type=click.Path(), help="A TOML file with arguments that --set cannot say."
)
@click.option("--set", "pairs", multiple=True, callback=_pairs, metavar="NAME=VALUE",
              help="Another argument of the question, a list as a,b,c; may be repeated.")  # fmt: skip
@_missing
@_conf
@_own_boot
@_seed
@_guard
def estimate(
    question: str,
    answers: str,
    out: str,
    by: str | None,
    model: str | None,
    other: str | None,
    file: str | None,
    pairs: list[tuple[str, str]],
    **options: Any,
) -> None:
    """Answer one QUESTION: print its table, and write page, figures and numbers.

    QUESTION is design, profile, reliability, omega, agreement, rater_agreement, generalizability, plan,
    correlations, dimensions, factors, congruence, confirmatory, refusal, sensitivity, consistency,
    option_bias, effects, link, link_parts, mixed_link, alignment, specification_curve, logistic_link,
    belief_consistency, multitrait or criterion_validity. What each can be told with --set is in docs/howto,
    for instance reliability: coefficients=all; factors: n_factors=5, rotation=geomin; effects:
    facet=persona, reference=neutral. Lists of lists (alignment: expected) go into a file for --options.
    """
    from psychomet.pages.terminal import estimates_text
    from psychomet.studies import question_report, read_options, read_options_text

    own = {}
    if file is not None:
        text = _text_of(file, "--options", "the options")
        own = read_options_text(text, question=question, subject=file)
    own |= read_options([*pairs, *([("by", by)] if by is not None else [])], question=question)
    if model is not None:
        own["model"] = _text_of(model, "--model", "the model")
    if other is not None:
        own["other"] = other
    made = question_report(answers, question=question, out=out, options=own, **options)
    click.echo(estimates_text(made.results[0]))
    click.echo(f"{made.folder / 'index.html'}")


@main.command()
@click.option("--out", type=click.Path(), default="demo-report", show_default=True, help="Folder to write.")
@click.option("--seed", type=click.IntRange(min=0), default=5, show_default=True, help="Seed of the simulation and the bootstrap.")  # fmt: skip
@_guard
def demo(out: str, seed: int) -> None:
    """Simulate a small study of language models with known truth, and report on it."""
    from psychomet.studies import demo as write_demo

    made = write_demo(out=out, seed=seed)
    click.echo(f"{made.folder / 'index.html'}")


@main.command()
@click.argument("result", type=click.Path())
@click.option("--rules", type=click.Path(), required=True, help="The rules (TOML).")
@click.option("--baseline", type=click.Path(), help="A saved result to compare with.")
@click.option("--strict", is_flag=True, help="Exit with 3 when a rule is inconclusive.")
@click.option("--json", "json_file", type=click.Path(), help="Write the verdicts as JSON.")
@click.option("--junit", "junit_file", type=click.Path(), help="Write the verdicts as JUnit XML.")
@_guard
def gate(
    result: str, rules: str, baseline: str | None, strict: bool, json_file: str | None, junit_file: str | None
) -> None:
    """Hold a result against rules; exit 0 passed, 1 failed, 2 bad input, 3 inconclusive (--strict)."""
    from psychomet.result import gate as gates
    from psychomet.result.store import load

    verdict = gates.gate(
        load(result),
        rules=gates.read_rules(rules),
        baseline=load(baseline) if baseline else None,
        strict=strict,
    )
    gates.write_verdict(verdict, json=json_file, junit=junit_file)
    click.echo(gates.verdict_table(verdict))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(gates.github_annotations(verdict))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as stream:
                stream.write(gates.step_summary(verdict))
    raise SystemExit(verdict.exit_code)


@main.command()
@click.argument("result", type=click.Path())
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@click.option("--summary-only", is_flag=True, help="Leave out values of single respondents; differences are then unpaired.")  # fmt: skip
@_guard
def baseline(result: str, out: str, summary_only: bool) -> None:
    """Save a result as the baseline that later runs are compared with."""
    from psychomet.result.store import load, save

    click.echo(f"{save(load(result), out, summary_only=summary_only)}")
