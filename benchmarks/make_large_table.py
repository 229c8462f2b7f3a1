"""Write a large response table with known truth as Parquet, in little memory.

    python benchmarks/make_large_table.py OUT.parquet [--rows 10000000] [--seed 1] [--key KEY.toml]
                                          [--truth TRUTH.csv]

Respondents x 50 items x 5 prompts x 2 orders x 2 samples = 1,000 rows per respondent, sorted by
respondent, one row group per 500 respondents. The columns are those of a response table (no raw text).
The file is the input of the memory benchmark; the truth is that of psychomet.table.simulate.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from psychomet.table.simulate import Population, known_truth, make_population
from psychomet.table.simulate.draw import ANSWERED, draw_codes, draw_traits
from psychomet.table.simulate.study import STATUS_NAMES, study_key

MODELS, ITEMS_PER_TRAIT, PROMPTS, ORDERS, SAMPLES = 20, 10, 5, 2, 2
ROWS_PER_RESPONDENT = 5 * ITEMS_PER_TRAIT * PROMPTS * ORDERS * SAMPLES
RESPONDENTS_AT_ONCE = 500


def large_population() -> Population:
    """The population that the table is drawn from."""
    return make_population(
        models=MODELS,
        items_per_trait=ITEMS_PER_TRAIT,
        prompts=PROMPTS,
        orders=ORDERS,
        samples=SAMPLES,
        tasks=0,
    )


def write_large_table(path: Path, *, rows: int, seed: int) -> int:
    """Write the table and return the number of rows written: the full respondents that fit in ``rows``."""
    population = large_population()
    personas = max(rows // (ROWS_PER_RESPONDENT * MODELS), 1)
    rng = np.random.default_rng(seed)
    written = 0
    with _writer(path) as writer:
        for batch in _batches(population, personas, rng):
            writer.write_table(batch, row_group_size=batch.num_rows)
            written += batch.num_rows
    return written


def _writer(path: Path) -> pq.ParquetWriter:
    # Without the Arrow schema in the file, dictionary columns read back as plain text everywhere.
    schema = pa.schema(
        [
            pa.field(name, pa.float64() if name == "response" else pa.dictionary(pa.int32(), pa.string()))
            for name in (
                "respondent", "item", "response", "status", "source", "model", "persona", "prompt", "order",
                "sample",
            )
        ]
    )  # fmt: skip
    return pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)


def _batches(population: Population, personas: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    """Tables of a few hundred respondents each, model by model, in the order of the respondents."""
    p = population
    traits = draw_traits(p, personas=personas, rng=rng)
    width = len(str(personas))
    names = [f"persona_{i:0{width}d}" for i in range(1, personas + 1)]
    items = [item for scale in p.items for item in scale]
    shape = (len(p.traits), p.loadings.shape[1], len(p.prompts), len(p.orders), len(p.samples))
    t, j, prompt, order, sample = (axis.ravel() for axis in np.indices(shape, dtype=np.int32))
    within = {
        "item": (t * shape[1] + j, items),
        "prompt": (prompt, p.prompts),
        "order": (order, p.orders),
        "sample": (sample, p.samples),
    }
    for m, model in enumerate(p.models):
        for first in range(0, personas, RESPONDENTS_AT_ONCE):
            some = np.arange(first, min(first + RESPONDENTS_AT_ONCE, personas))
            codes, status = draw_codes(
                p, traits=traits[m * personas + some], model=np.full(some.size, m), rng=rng
            )
            status = status.ravel()
            size = ROWS_PER_RESPONDENT
            who = np.repeat(np.arange(some.size, dtype=np.int32), size)
            columns = {
                "respondent": _text(who, [f"{model}/{names[i]}" for i in some]),
                "item": None,
                "response": pa.array(codes.ravel().astype(float), mask=status != ANSWERED),
                "status": _text(status.astype(np.int32), list(STATUS_NAMES)),
                "source": _text(np.zeros(who.size, dtype=np.int32), ["self_report"]),
                "model": _text(np.zeros(who.size, dtype=np.int32), [model]),
                "persona": _text(who, [names[i] for i in some]),
            }
            for name, (position, labels) in within.items():
                columns[name] = _text(np.tile(position, some.size), list(labels))
            yield pa.table(columns)


def _text(position: np.ndarray, labels: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(position), pa.array(labels, pa.string()))


def write_key(path: Path, population: Population) -> None:
    """Write the instrument as a key file."""
    key = study_key(population)
    lines = [f'name = "{key["name"]}"', ""]
    for scale in key["scale"]:
        lines += [
            "[[scale]]",
            f'name = "{scale["name"]}"',
            f"low = {scale['low']}",
            f"high = {scale['high']}",
        ]
        for field in ("items", "reversed"):
            lines.append(f"{field} = [{', '.join(f'{item!r}' for item in scale[field])}]")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Write a large response table with known truth.")
    parser.add_argument("out", type=Path, help="Parquet file to write")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows wanted (default 10 million)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the draws")
    parser.add_argument("--key", type=Path, help="also write the key (TOML)")
    parser.add_argument("--truth", type=Path, help="also write the truth (CSV)")
    given = parser.parse_args()
    start = time.process_time()
    rows = write_large_table(given.out, rows=given.rows, seed=given.seed)
    if given.key:
        write_key(given.key, large_population())
    if given.truth:
        known_truth(large_population()).to_csv(given.truth, index=False)
    sys.stdout.write(f"{rows} rows, {time.process_time() - start:.1f} s CPU\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
