"""The command line: each command reads, asks one function of the package, and writes whole files.

Exit codes: 0 fine; 1 the gate failed; 2 the input is bad or not comparable; 3 the gate is
inconclusive under ``--strict``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from psychomet.cli.causes import causes
from psychomet.cli.options import (
    BAD_INPUT,
    conf_level,
    guard,
    missing,
    n_boot,
    own_boot,
    pairs_of,
    plan_options,
    seed,
    table_options,
    text_of,
)

__all__ = ["BAD_INPUT", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="psychomet", message="%(prog)s %(version)s")
def main() -> None:
    """Measure traits: tidy answers in, defensible statements out.

    ANSWERS is a CSV, TSV, JSON lines, Parquet, Arrow or Feather file, or a quoted glob of such files:
    one row per answer, with columns respondent, item and response.
    """


@main.command()
@table_options
@click.option("--key", type=click.Path(), help="The instrument (TOML).")
@guard
def check(answers: str, facets: tuple[str, ...], columns: dict[str, str], key: str | None) -> None:
    """Say what is in a table, or everything that is wrong with it."""
    from psychomet.pages.terminal import design_text
    from psychomet.studies import check as check_table

    click.echo(design_text(check_table(answers, key=key, facets=facets, columns=columns)))


@main.command()
@table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="CSV file to write.")
@missing
@guard
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
@table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@click.option("--title", help="Heading of the page.")
@click.option("--by", metavar="FACET", help="All of it at each level of a facet, too.")
@missing
@conf_level
@n_boot
@seed
@guard
def report(answers: str, out: str, **options: Any) -> None:
    """Write the page, its Quarto source, the figures and every number."""
    from psychomet.studies import report as write_report

    made = write_report(answers, out=out, **options)
    click.echo(f"{made.folder / 'index.html'}")


@main.command()
@table_options
@click.option("--key", type=click.Path(), required=True, help="The instrument (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@plan_options
@missing
@conf_level
@n_boot
@seed
@guard
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
@table_options
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
@click.option("--set", "pairs", multiple=True, callback=pairs_of, metavar="NAME=VALUE",
              help="Another argument of the question, a list as a,b,c; may be repeated.")  # fmt: skip
@missing
@conf_level
@own_boot
@seed
@guard
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
    belief_consistency, multitrait, criterion_validity or hierarchy. What each can be told with --set is in docs/howto,
    for instance reliability: coefficients=all; factors: n_factors=5, rotation=geomin; effects:
    facet=persona, reference=neutral; hierarchy: sampling=draws=2000,chains=4. Lists of lists (alignment: expected) go into a file for --options.
    """
    from psychomet.pages.terminal import estimates_text
    from psychomet.studies import question_report, read_options, read_options_text

    own = {}
    if file is not None:
        text = text_of(file, "--options", "the options")
        own = read_options_text(text, question=question, subject=file)
    own |= read_options([*pairs, *([("by", by)] if by is not None else [])], question=question)
    if model is not None:
        own["model"] = text_of(model, "--model", "the model")
    if other is not None:
        own["other"] = other
    made = question_report(answers, question=question, out=out, options=own, **options)
    click.echo(estimates_text(made.results[0]))
    click.echo(f"{made.folder / 'index.html'}")


main.add_command(causes)


@main.command()
@click.option("--out", type=click.Path(), default="demo-report", show_default=True, help="Folder to write.")
@click.option("--seed", type=click.IntRange(min=0), default=5, show_default=True, help="Seed of the simulation and the bootstrap.")  # fmt: skip
@guard
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
@guard
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
@guard
def baseline(result: str, out: str, summary_only: bool) -> None:
    """Save a result as the baseline that later runs are compared with."""
    from psychomet.result.store import load, save

    click.echo(f"{save(load(result), out, summary_only=summary_only)}")
