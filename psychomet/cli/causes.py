"""The command for tables of features: one row per respondent."""

from __future__ import annotations

from typing import Any

import click

from psychomet.cli.options import (
    columns_of,
    conf_level,
    guard,
    missing,
    own_boot,
    pairs_of,
    seed,
    text_of,
)


@click.command()
@click.argument("question", metavar="QUESTION")
@click.argument("features", metavar="FEATURES")
@click.option("--codebook", type=click.Path(), required=True, help="What the columns are (TOML).")
@click.option("--out", type=click.Path(), required=True, help="Folder to write.")
@click.option("--by", metavar="FEATURE", help="The same at each level of a feature.")
@click.option(
    "--answers", metavar="ANSWERS", help="Answers of the same respondents: their scores become features."
)
@click.option("--key", type=click.Path(), help="The instrument of the answers (TOML).")
@click.option(
    "--across", metavar="FACET", help="A facet of the answers, the rater, say: scores of each of its levels."
)
@click.option("--facet", "facets", multiple=True, metavar="NAME",
              help="A further column of the answers that was varied; may be repeated.")  # fmt: skip
@click.option("--column", "columns", multiple=True, callback=columns_of, metavar="OLD=NEW",
              help="Your column name in the answers and the name used here; may be repeated.")  # fmt: skip
@missing
@click.option(
    "--options", "file", type=click.Path(), help="A TOML file with arguments that --set cannot say."
)
@click.option("--set", "pairs", multiple=True, callback=pairs_of, metavar="NAME=VALUE",
              help="Another argument of the question, a list as a,b,c; may be repeated.")  # fmt: skip
@conf_level
@own_boot
@seed
@guard
def causes(
    question: str,
    features: str,
    by: str | None,
    file: str | None,
    pairs: list[tuple[str, str]],
    **options: Any,
) -> None:
    """Answer one QUESTION on what goes with what, and why: print its table, write page, figures and numbers.

    FEATURES is a file as for ANSWERS, but with one row per respondent; the codebook says what its columns are.
    QUESTION is independence, discovery, mediation, adjustment or representation. What each can be told with --set
    is in docs/howto, for instance independence: traits=O,C,E, controls=birthday; discovery: method=fci;
    mediation: cause=age, mediator=trust, outcome=use. Lists of lists (discovery: tiers) go into a file for
    --options.
    """
    from psychomet.pages.terminal import estimates_text
    from psychomet.studies import features_report, read_options, read_options_text, takes_of_features

    declared = takes_of_features(question)
    own = {}
    if file is not None:
        text = text_of(file, "--options", "the options")
        own = read_options_text(text, question=question, subject=file, declared=declared)
    given = [*pairs, *([("by", by)] if by is not None else [])]
    own |= read_options(given, question=question, declared=declared)
    made = features_report(features, question=question, options=own, **options)
    click.echo(estimates_text(made.results[0]))
    click.echo(f"{made.folder / 'index.html'}")
