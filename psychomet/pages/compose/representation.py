"""Latent causes of modalities: the graph, what each edge is worth, measurements, noises and traits."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from psychomet.pages.compose.context import Context
from psychomet.pages.document import Block, Bullets, Figure, Heading, Paragraph, Section, Table, data
from psychomet.pages.figures.causes import Edge, draw_graph
from psychomet.pages.figures.dots import Dot, draw_dots
from psychomet.pages.tables import (
    Row,
    build,
    confidence,
    count,
    interval_column,
    label_column,
    number_column,
    p_value,
    percent,
    records,
    value,
)
from psychomet.result.result import Result

_LEAD = (
    "Which latent causes stand behind the modalities, and which of them cause which? Latents are named by modality and "
    "number; what they mean is read from the traits that go with them. The graph is the sparsest across modalities that "
    "explains the held-out respondents: a hypothesis about causes, not evidence of them."
)
_DOTS, _FOLDED = 40, 30


def representation(result: Result, context: Context) -> Section:
    """Return the section on latent causes."""
    frame = result.estimates
    blocks: list[Block] = [Paragraph((_LEAD,), "lead")]
    for group in dict.fromkeys(frame["group"].tolist()):
        if group:
            blocks.append(Paragraph((data(group),), "small"))
        blocks += _fit(frame[frame["group"] == group], result, context, drawn=not group)
    return Section(context.title, context.anchor, tuple(blocks))


def _fit(frame: pd.DataFrame, result: Result, context: Context, *, drawn: bool) -> list[Block]:
    """What one fit says; the graph of the whole table is drawn."""
    blocks: list[Block] = []
    gains = frame[frame["estimand"] == "edge_gain"]
    shares = frame[frame["estimand"] == "edge_stability"]
    if drawn:
        blocks += _graph(gains, shares, result, context)
    blocks.append(_edges(gains, shares))
    traits = frame[frame["estimand"] == "latent_trait_rho"]
    if not traits.empty:
        blocks += [Heading("Which latent carries which trait"), *_traits(traits, context)]
    looks = frame[frame["estimand"] == "reconstruction_r2"]
    if not looks.empty:
        blocks += [Heading("What the latents keep of the measurements"), _looks(looks)]
    noises = frame[frame["estimand"] == "noise_dependence"]
    if not noises.empty:
        blocks.append(_noises(noises))
    numbers = frame[frame["estimand"] == "latent_number"]
    if not numbers.empty:
        blocks += [Heading("How many latents"), _numbers(numbers, result)]
    among = frame[frame["estimand"].isin(["latent_partial_r", "latent_adjacency", "false_adjacencies_bound"])]
    if not among.empty:
        blocks += [Heading("Graphs of the latents"), *_among(among)]
    return blocks


def _graph(gains: pd.DataFrame, shares: pd.DataFrame, result: Result, context: Context) -> list[Figure]:
    """Draw the edges across modalities, with their stability where there is one."""
    found = {_pair(row): value(row, "estimate") for row in records(shares)}
    edges = [
        Edge(str(row["term"]), str(row["other"]), "tail", "arrow", found.get(_pair(row), math.nan))
        for row in records(gains)
        if math.isfinite(value(row, "estimate"))
    ]
    array = result.arrays.get("edges")
    nodes = (
        [str(name) for name in array.coords["latent"].to_numpy()]
        if array is not None
        else list(dict.fromkeys(name for edge in edges for name in (edge.first, edge.second)))
    )
    within = result.arrays.get("within")
    if within is not None:
        edges += [
            Edge(nodes[i], nodes[j], "tail", "arrow", math.nan)
            for i, row in enumerate(within.to_numpy())
            for j, there in enumerate(row)
            if there
        ]
    if not edges:
        return []
    words = [f"{edge.first} causes {edge.second}" for edge in edges]
    stable = " The number is the share of resamples with this edge." if found else ""
    return [
        draw_graph(
            nodes, edges, unseen=frozenset(nodes), name=f"{context.anchor}-graph",
            alt=f"Graph of {len(nodes)} latents with {len(edges)} edges: {'; '.join(words[:8])}.",
            caption=(f"Latents and the edges between them, within and across modalities.{stable}",),
        )
    ]  # fmt: skip


def _pair(row: Row) -> tuple[str, str]:
    return str(row["term"]), str(row["other"])


def _edges(gains: pd.DataFrame, shares: pd.DataFrame) -> Table:
    """Every edge with its gain; beside it, or alone where it is not in the graph, its share of the resamples."""
    worth = {_pair(row): row for row in records(gains)}
    rows: list[dict[str, Any]] = []
    for row in records(shares):
        own = worth.pop(_pair(row), None)
        rows.append({**(own or {**row, "estimate": math.nan, "conf_low": math.nan, "conf_high": math.nan,
                                "reason": "not in the graph"}), "share": value(row, "estimate")})  # fmt: skip
    rows += [{**row, "share": math.nan} for row in worth.values()]
    rows.sort(key=lambda row: -value(row, "estimate") if math.isfinite(value(row, "estimate")) else 0.0)
    columns = [
        label_column("term", "Cause"),
        label_column("other", "Effect"),
        number_column("n", "n", count),
        number_column("estimate", "Gain (nats)"),
        interval_column(f"{confidence(gains)} interval"),
    ]
    if len(shares):
        columns.append(number_column("share", "Share of resamples", percent))
    caption = "Edges across modalities. The gain is the log-likelihood per held-out respondent that is lost without the edge."
    return build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)


def _traits(frame: pd.DataFrame, context: Context) -> list[Block]:
    rows = records(frame)
    dots = [
        Dot(
            str(row["other"]),
            str(row["term"]),
            value(row, "estimate"),
            value(row, "conf_low"),
            value(row, "conf_high"),
        )
        for row in rows
        if math.isfinite(value(row, "estimate"))
    ]
    blocks: list[Block] = []
    series = list(dict.fromkeys(dot.series for dot in dots))
    if dots and len(dots) <= _DOTS and len(series) <= 6:
        blocks.append(
            draw_dots(
                dots, name=f"{context.anchor}-traits", axis="Rank correlation", reach=(-1.0, 1.0),
                alt=f"Rank correlations of {len(series)} latents with {len({dot.row for dot in dots})} traits.",
                caption=("Latents and traits among held-out respondents; the sign of a latent is arbitrary.",),
            )
        )  # fmt: skip
    columns = [
        label_column("other", "Trait"), label_column("term", "Latent"), number_column("n", "n", count),
        number_column("estimate", "Rank correlation"), interval_column(f"{confidence(frame)} interval"),
    ]  # fmt: skip
    caption = "Spearman correlation of every latent with every trait, held-out respondents."
    return [*blocks, build(rows, columns, (caption,), folded=len(rows) > _FOLDED, remarks=True)]


def _looks(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("term", "Measurement"), number_column("n", "n", count), number_column("estimate", "R2", percent),
        interval_column(f"{confidence(frame)} interval", percent),
    ]  # fmt: skip
    caption = "Share of the variance of every measurement that its latents and its own nuisance rebuild, held-out respondents."
    return build(records(frame), columns, (caption,), folded=len(frame) > _FOLDED, remarks=True)


def _noises(frame: pd.DataFrame) -> Table:
    columns = [
        label_column("term", "Noise of"), label_column("other", "and of"), number_column("n", "n", count),
        number_column("estimate", "HSIC correlation"), interval_column(f"{confidence(frame)} interval"),
        number_column("p_value", "p", p_value),
    ]  # fmt: skip
    caption = "Exogenous noises are independent by the model; where they are not, a cause is missing or the order is wrong."
    return build(records(frame), columns, (caption,), folded=True, remarks=True)


def _numbers(frame: pd.DataFrame, result: Result) -> Table:
    """The numbers chosen, and the held-out log-likelihood of each candidate."""
    held = result.arrays.get("held_out")
    lines: list[dict[str, object]] = [dict(row) for row in records(frame)]
    columns = [label_column("term", "Modality"), number_column("estimate", "Latents", count)]
    if held is not None:
        for at, number_of in enumerate(held.coords["number"].to_numpy()):
            columns.append(number_column(f"held_{at}", f"with {int(number_of)}"))
            for line in lines:
                place = [str(name) for name in held.coords["modality"].to_numpy()].index(str(line["term"]))
                line[f"held_{at}"] = float(held[place, at])
    caption = (
        "Chosen: the smallest number whose measurements are predicted from latents of each other within one standard error as well as with "
        "the best number. Beside it the log-likelihood per respondent, held out, with each number."
    )
    return build(lines, columns, (caption,), remarks=True)


def _among(frame: pd.DataFrame) -> list[Block]:
    """Partial correlations of the latents, how often PC joins two of them, and how many of these may be false."""
    partial = frame[frame["estimand"] == "latent_partial_r"]
    shares = frame[frame["estimand"] == "latent_adjacency"]
    levels = list(dict.fromkeys(shares["level"].tolist()))
    found = {(row["term"], row["other"], row["level"]): value(row, "estimate") for row in records(shares)}
    lines = [
        {**row, **{f"at_{level}": found.get((row["term"], row["other"], level)) for level in levels}}
        for row in records(partial)
    ]
    columns = [
        label_column("term", "Latent"), label_column("other", "and"), number_column("n", "n", count),
        number_column("estimate", "Partial r"), interval_column(f"{confidence(partial)} interval"),
        number_column("p_value", "p", p_value),
        *(number_column(f"at_{level}", f"Joined at {level}", percent) for level in levels),
    ]  # fmt: skip
    caption = (
        "Partial correlation given all the others, and the share of half-samples in which PC joins the two. Two causes of one effect "
        "are partially correlated and not joined."
    )
    bounds = frame[frame["estimand"] == "false_adjacencies_bound"]
    told = tuple(
        (
            "At significance ", data(str(row["level"]).partition(";")[0], 20), f" at most {value(row, 'estimate'):.2g} of the pairs joined in 90 % of the "
            "halves are expected to be false, counting ", data(row["other"], 120), ".",
        )
        for row in records(bounds)
    )  # fmt: skip
    return [build(lines, columns, (caption,), remarks=True), *([Bullets(told)] if told else [])]
