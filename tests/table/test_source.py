"""All doors give the same table, and leave what they were given as it was."""

from __future__ import annotations

import gc
import glob
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import psychomet as pm
from psychomet.table import source as source_module

# Megabytes that fifty reads may add: an engine that stayed would add several for each read.
GROWTH = 60


def study() -> pd.DataFrame:
    """Answers with what the doors might change: facets, holes, hostile text, fractions, a status."""
    rows = []
    for i, respondent in enumerate(["anna", "=1+1", "<b>", "Zoë"]):
        for j, item in enumerate(["i1", "'; DROP TABLE coded; --", "10"]):
            for prompt in ("plain", 'a, "b"', None):
                value: float | None = (i + 2 * j) % 5 + (0.25 if j == 2 else 0)
                status = "answered"
                if (i, j, prompt) == (1, 1, "plain"):
                    value, status = None, "refused"
                rows.append((respondent, item, value, status, prompt, str(i % 2), "said so"))
    names = ["respondent", "item", "response", "status", "prompt", "sample", "raw"]
    return pd.DataFrame(rows, columns=names)


def arrow() -> pa.Table:
    """The study as an Arrow table."""
    return pa.Table.from_pandas(study(), preserve_index=False)


def stream_file(folder: Path) -> Path:
    with pa.ipc.new_stream(str(folder / "s.arrow"), arrow().schema) as writer:
        writer.write_table(arrow(), max_chunksize=5)
    return folder / "s.arrow"


def ipc_file(folder: Path) -> Path:
    with pa.ipc.new_file(str(folder / "f.arrow"), arrow().schema) as writer:
        writer.write_table(arrow(), max_chunksize=5)
    return folder / "f.arrow"


def written(write: Callable[[pd.DataFrame, Path], object], name: str) -> Callable[[Path], Path]:
    """Return a door that writes the study to a file of that name."""

    def door(folder: Path) -> Path:
        write(study(), folder / name)
        return folder / name

    return door


def globbed(folder: Path) -> str:
    for number, part in enumerate(np.array_split(np.arange(len(study())), 3)):
        study().iloc[part].to_parquet(folder / f"part{number}.parquet", index=False)
    return str(folder / "part*.parquet")


def listed(folder: Path) -> list[Path]:
    study().iloc[:20].to_csv(folder / "one.csv", index=False)
    study().iloc[20:][["raw", "response", "item", "status", "respondent", "prompt", "sample"]].to_csv(
        folder / "two.csv", index=False
    )
    return [folder / "one.csv", folder / "two.csv"]


def duckdb_relation(folder: Path) -> Any:
    return duckdb.connect().from_arrow(arrow())


def ibis_polars(folder: Path) -> Any:
    return ibis.polars.connect({"study": pl.from_arrow(arrow())}).table("study")


DOORS: dict[str, Callable[[Path], Any]] = {
    "pandas": lambda folder: study(),
    "pandas, categories": lambda folder: study().astype({"respondent": "category", "prompt": "category"}),
    "pandas, nullable": lambda folder: study().convert_dtypes(),
    "pandas, objects": lambda folder: study().astype(object),
    "pandas, index": lambda folder: study().set_index(["respondent", "item"]),
    "Polars": lambda folder: pl.from_arrow(arrow()),
    "Polars, lazy": lambda folder: pl.from_arrow(arrow()).lazy(),
    "Polars, Enum": lambda folder: pl.from_arrow(arrow()).with_columns(
        pl.col("item").cast(pl.Enum(study()["item"].unique().tolist())), pl.col("prompt").cast(pl.Categorical)
    ),
    "Arrow": lambda folder: arrow(),
    "Arrow, dictionary": lambda folder: arrow().set_column(1, "item", arrow()["item"].dictionary_encode()),
    "Arrow, large_string": lambda folder: arrow().set_column(1, "item", arrow()["item"].cast(pa.large_string())),
    "Arrow, string_view": lambda folder: arrow().set_column(1, "item", arrow()["item"].cast(pa.string_view())),
    "Arrow, stream": lambda folder: arrow().to_reader(max_chunksize=7),
    "Arrow, batch": lambda folder: arrow().combine_chunks().to_batches()[0],
    "DuckDB relation": duckdb_relation,
    "Ibis, memory": lambda folder: ibis.memtable(study()),
    "Ibis, another engine": ibis_polars,
    "CSV": written(lambda frame, path: frame.to_csv(path, index=False), "a.csv"),
    "CSV with row numbers": written(lambda frame, path: frame.to_csv(path), "b.csv"),
    "CSV, CRLF": written(lambda frame, path: frame.to_csv(path, index=False, lineterminator="\r\n"), "c.csv"),
    "CSV, byte order mark": written(lambda frame, path: frame.to_csv(path, index=False, encoding="utf-8-sig"), "d.csv"),
    "CSV, gzip": written(lambda frame, path: frame.to_csv(path, index=False, compression="gzip"), "a.CSV.GZ"),
    "TSV": written(lambda frame, path: frame.to_csv(path, index=False, sep="\t"), "a.tsv"),
    "JSON lines": written(lambda frame, path: frame.to_json(path, orient="records", lines=True), "a.jsonl"),
    "JSON lines, gzip": written(
        lambda frame, path: frame.to_json(path, orient="records", lines=True, compression="gzip"), "a.jsonl.gz"
    ),
    "Parquet": written(lambda frame, path: frame.to_parquet(path, index=False), "a.parquet"),
    "Parquet, zstd, row groups": written(
        lambda frame, path: frame.to_parquet(path, index=False, compression="zstd", row_group_size=4), "z.pq"
    ),
    "Feather": written(lambda frame, path: frame.to_feather(path), "a.feather"),
    "Feather, uncompressed": written(
        lambda frame, path: pa.feather.write_feather(frame, str(path), compression="uncompressed"), "u.feather"
    ),
    "Arrow file": ipc_file,
    "Arrow stream file": stream_file,
    "glob of parts": globbed,
    "list of files, columns in another order": listed,
}  # fmt: skip


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """The contract of the study, read from an Arrow table."""
    return dict(pm.read_responses(arrow()).contract)


@pytest.mark.parametrize("door", DOORS)
def test_all_doors_give_the_same_table(door: str, tmp_path: Path, contract: dict[str, Any]) -> None:
    table = pm.read_responses(DOORS[door](tmp_path))
    assert dict(table.contract) == contract
    assert table.intake.rows_read == table.intake.rows_kept == 36
    assert table.facets == ("prompt",)
    assert table.design.levels["prompt"] == ('a, "b"', "plain")


def test_the_contract_counts_respondents_and_answers(contract: dict[str, Any]) -> None:
    assert (contract["n_respondents"], contract["n_answers"]) == (4, 35)
    assert len(contract["fingerprint"]) == len(contract["items"]) == 64


def test_a_file_beside_its_compression(tmp_path: Path, contract: dict[str, Any]) -> None:
    with pa.output_stream(str(tmp_path / "a.csv.zst"), compression="zstd") as handle:
        handle.write(study().to_csv(index=False).encode())
    assert dict(pm.read_responses(tmp_path / "a.csv.zst").contract) == contract


def test_an_engine_of_the_caller_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.duckdb"
    with duckdb.connect(path) as made:
        frame = arrow()
        made.register("frame", frame)
        made.execute("CREATE TABLE coded AS SELECT * FROM frame")
    engine = ibis.duckdb.connect(path, read_only=True)
    first = pm.read_responses(engine.table("coded"))
    second = pm.read_responses(engine.table("coded"))
    assert first.contract == second.contract
    tables = engine.raw_sql("SELECT table_name FROM information_schema.tables").fetchall()
    assert tables == [("coded",)]


def test_a_query_of_the_caller_is_run_and_not_kept(contract: dict[str, Any]) -> None:
    connection = duckdb.connect()
    frame = arrow()
    connection.register("study", frame)
    relation = connection.sql("SELECT *, 1 AS extra FROM study WHERE respondent IS NOT NULL")
    table = pm.read_responses(relation)
    assert dict(table.contract) == contract
    assert table.intake.unused_columns == ("extra",)
    assert relation.count("*").fetchall() == [(36,)]


def test_frames_are_left_as_they_were() -> None:
    frame = study().set_index("respondent")
    before = frame.copy(deep=True)
    pm.read_responses(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("thing", "kind"),
    [(None, "NoneType"), (3, "int"), ({"a": 1}, "dict"), ([], "list"), (b"a.csv", "bytes"), (pd.Series([1]), "Series")],
)  # fmt: skip
def test_what_is_no_table_is_named(thing: object, kind: str) -> None:
    with pytest.raises(pm.InputError, match=f"a {kind} is neither a path nor a table"):
        pm.read_responses(thing)


def test_a_frame_without_columns() -> None:
    with pytest.raises(pm.InputError, match="columns: it has none"):
        pm.read_responses(pd.DataFrame())


def test_doubled_names_of_a_frame_are_told_with_the_missing_ones() -> None:
    frame = study().rename(columns={"item": "raw"})
    with pytest.raises(pm.InputError) as caught:
        pm.read_responses(frame)
    assert "missing item" in str(caught.value)
    assert "named twice: 'raw'" in str(caught.value)


def test_column_names_that_differ_in_case_are_different_columns(
    contract: dict[str, Any], tmp_path: Path
) -> None:
    frame = study()
    frame.insert(0, "Response", 99)
    frame["ITEM"] = "z"
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    frame.to_csv(tmp_path / "a.csv", index=False)
    for source in (frame, tmp_path / "a.parquet", tmp_path / "a.csv"):
        assert dict(pm.read_responses(source).contract) == contract


def test_a_column_label_that_is_no_text(contract: dict[str, Any]) -> None:
    frame = study().rename(columns={"item": 7, "raw": ("a", 1)})
    table = pm.read_responses(frame, columns={"7": "item"})
    assert dict(table.contract) == contract
    assert table.intake.unused_columns == ("('a', 1)",)


def test_a_moment_has_one_name_in_every_time_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = study().assign(occasion=pd.Timestamp("2024-03-01T12:00", tz="America/New_York"))
    levels = set()
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        levels.add(pm.read_responses(frame).design.levels["occasion"])
    assert levels == {("2024-03-01 17:00:00+00",)}


def resident() -> float:
    """Memory of this process in megabytes."""
    with open("/proc/self/statm", encoding="ascii") as handle:
        return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="this system does not tell its memory in /proc"
)
def test_fifty_reads_leave_nothing_behind(tmp_path: Path) -> None:
    study().to_csv(tmp_path / "a.csv", index=False)
    spills = set(glob.glob(os.path.join(tempfile.gettempdir(), "psychomet-*")))
    for _ in range(5):
        pm.read_responses(tmp_path / "a.csv")
    gc.collect()
    before = (resident(), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
    for _ in range(50):
        pm.read_responses(tmp_path / "a.csv")
    gc.collect()
    after = (resident(), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
    assert after[0] - before[0] < GROWTH
    assert after[1:] <= before[1:]
    assert set(glob.glob(os.path.join(tempfile.gettempdir(), "psychomet-*"))) <= spills
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def many(n: int) -> pa.Table:
    """Five answers of each of n / 5 respondents."""
    return pa.table(
        {
            "respondent": [f"respondent number {i % (n // 5):08d}" for i in range(n)],
            "item": [f"item {i // (n // 5)}" for i in range(n)],
            "response": np.ones(n),
        }
    )


@pytest.fixture
def small_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give the engine so little memory, two threads, and a temporary folder that the test can look into."""
    connect = source_module.connect

    def two_threads() -> Any:
        engine = connect()
        engine.raw_sql("SET threads = 2")
        return engine

    monkeypatch.setattr(source_module, "connect", two_threads)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda limit: monkeypatch.setattr(source_module, "MEMORY_LIMIT", limit)


def test_the_engine_spills_into_a_folder_of_its_own_and_takes_it_away(
    tmp_path: Path, small_engine: Callable[[str], None]
) -> None:
    small_engine("40MB")
    table = pm.read_responses(many(500_000))
    assert table.design.n_rows == 500_000
    assert [path.name[:10] for path in tmp_path.iterdir()] == ["psychomet-"]
    del table
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_not_called_a_damaged_file(
    tmp_path: Path, small_engine: Callable[[str], None]
) -> None:
    small_engine("10MB")
    pa.parquet.write_table(many(200_000), tmp_path / "a.parquet")
    for source in (tmp_path / "a.parquet", many(200_000)):
        with pytest.raises(pm.InputError, match="memory: the engine has too little") as caught:
            pm.read_responses(source)
        assert len(caught.value.faults) == 1
        del caught
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_process_that_still_holds_a_table_ends_quietly(tmp_path: Path) -> None:
    study().to_csv(tmp_path / "a.csv", index=False)
    script = "import psychomet; kept = psychomet.read_responses('a.csv'); other = psychomet.without(kept, respondents=['anna'], reason='x')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(pm.__file__).parent.parent)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
