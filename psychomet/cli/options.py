"""Options that several commands share, how their texts are read, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

BAD_INPUT = 2


def guard(command: Callable[..., Any]) -> Callable[..., Any]:
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


def columns_of(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read OLD=NEW pairs."""
    pairs = {}
    for value in values:
        old, sep, new = value.rpartition("=")
        if not sep or not old or not new:
            raise click.BadParameter(f"{value!r} is not OLD=NEW, for instance model_name=model")
        pairs[old] = new
    return pairs


def limits_of(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, int] | None:
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


def costs_of(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> float | dict[str, float]:
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


def pairs_of(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Read NAME=VALUE pairs."""
    pairs = []
    for value in values:
        name, sep, text = value.partition("=")
        if not sep or not name or not text:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE, for instance group_factors=2")
        pairs.append((name.strip(), text))
    return pairs


def text_of(path: str, option: str, what: str) -> str:
    """Read a text file, or say that it is none."""
    from psychomet.errors import Fault, InputError
    from psychomet.text import visible

    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Fault(option, f"it is not UTF-8 (byte {error.start})", f"Save {what} as UTF-8 text")
        raise InputError(visible(path), [fault]) from None


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a table is read."""
    for option in (
        click.option("--column", "columns", multiple=True, callback=columns_of, metavar="OLD=NEW",
                     help="Your column name and the name used here; may be repeated."),
        click.option("--facet", "facets", multiple=True, metavar="NAME",
                     help="A further column that was varied; may be repeated."),
        click.argument("answers", metavar="ANSWERS"),
    ):  # fmt: skip
        command = option(command)
    return command


missing = click.option(
    "--missing", type=click.Choice(["available", "complete"]),
    help="Rule for missing answers; needed when there are any.",
)  # fmt: skip
seed = click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the bootstrap."
)
n_boot = click.option(
    "--n-boot", type=click.IntRange(min=100), default=1000, show_default=True, help="Bootstrap replicates."
)
own_boot = click.option(
    "--n-boot", type=click.IntRange(min=0), help="Bootstrap replicates; default the question's own."
)
conf_level = click.option("--conf-level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True, help="Coverage of the intervals.")  # fmt: skip


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a plan."""
    for option in (
        click.option("--cost", multiple=True, callback=costs_of, metavar="COST | NAME=COST",
                     help="Cost of one answer (default 1), or by name: call=0.002, item=5; may be repeated."),
        click.option("--max", "limits", multiple=True, callback=limits_of, metavar="FACET=NUMBER",
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
