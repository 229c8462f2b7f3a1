from __future__ import annotations

import json
from pathlib import Path

import pytest

from psychomet.errors import InputError
from psychomet.pages import page as page_module
from psychomet.pages.page import write_page
from psychomet.result.store import load


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_folder_holds_page_source_figures_and_every_number(example, tmp_path: Path) -> None:
    results = [example.profile(), example.link()]
    folder = write_page(results, tmp_path / "deep" / "report", title="Example")
    assert folder == tmp_path / "deep" / "report"
    names = set(contents(folder))
    assert {"index.html", "report.qmd", "result.json", "profile.csv", "link.csv", "figures/link-heat-1.svg",
            "figures/link-heat-1.png", "figures/profile-means.svg"} <= names  # fmt: skip
    assert [result.question for result in load(folder)] == ["profile", "link"]
    source = (folder / "report.qmd").read_text(encoding="utf-8")
    for path in (folder / "figures").glob("*.svg"):
        assert f"(figures/{path.name})" in source


def test_writing_twice_gives_the_same_bytes(example, tmp_path: Path) -> None:
    first = contents(write_page([example.agreement()], tmp_path / "a", title="Example"))
    second = contents(write_page([example.agreement()], tmp_path / "b", title="Example"))
    again = contents(write_page([example.agreement()], tmp_path / "a", title="Example"))
    assert first == second == again


def test_a_folder_with_other_files_is_refused_and_left_alone(example, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError):
        write_page([example.profile()], tmp_path, title="t")
    assert list(contents(tmp_path)) == ["mine.txt"]


def test_nothing_is_left_when_rendering_or_writing_fails(
    example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left"):
        write_page([example.profile()], tmp_path / "new" / "report", title="t")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_after_the_results_leaves_nothing(
    example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are already written when the page fails: the folder must still not appear."""

    def half(results: object, *, folder: Path, summary_only: bool) -> None:
        (folder / "result.json").write_text(json.dumps({"psychomet": "x"}), encoding="utf-8")
        (folder / "index.html").mkdir()

    monkeypatch.setattr(page_module, "write_results", half)
    with pytest.raises(InputError, match="cannot be written"):
        write_page([example.profile()], tmp_path / "report", title="t")
    assert list(tmp_path.iterdir()) == []


def test_no_result_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none"):
        write_page([], tmp_path / "report", title="t")


def test_a_published_report_can_leave_the_arrays_out(example, tmp_path: Path) -> None:
    folder = write_page([example.profile()], tmp_path / "report", title="t", summary_only=True)
    assert "arrays.nc" not in contents(folder)
