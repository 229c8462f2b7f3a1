"""Folders and files that appear whole or not at all, and never a folder over somebody else's files."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from psychomet.errors import Fault, InputError
from psychomet.text import visible

MANIFEST = "manifest.json"
# Left behind by file browsers without the user's doing; they hold nothing of value.
_SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_SWAPS = 20
_SHOWN = 5


@contextmanager
def whole_folder(target: str | os.PathLike[str], *, marker: str = "result.json") -> Iterator[Path]:
    """Yield a temporary folder that takes the place of ``target`` when the block ends well.

    Parameters
    ----------
    target : path
        Where the folder shall stand. It may be absent, empty, or made by psychomet before; in the
        last case it is replaced. Parents are made as needed.
    marker : str
        The JSON file that tells a folder of ours from a foreign one: an object with the field
        ``psychomet``. The block must write it.

    Yields
    ------
    pathlib.Path
        An empty folder beside ``target``, on the same file system.

    Raises
    ------
    InputError
        If ``target`` is a file, the working folder or one above it, holds files that psychomet did
        not write, or cannot be written. Nothing is touched then.

    Notes
    -----
    If the block raises, the temporary folder and every parent made for it are removed and the
    exception goes on. Two processes may write the same target: each swap is a rename, the last one
    wins, and no reader sees a mixture. Between the two renames of a replacement the target is
    absent for an instant.
    """
    subject = f"folder {visible(target, 200)}"
    place = _resolve(target, subject)
    _refuse_foreign(place, marker, subject)
    temporary = place.with_name(f".psychomet-{uuid.uuid4().hex}.tmp")
    made = _absent_parents(place)
    finished = False
    try:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
        except OSError as error:
            raise _unwritable(subject, error) from None
        yield temporary
        _write_manifest(temporary)
        _swap(temporary, place=place, marker=marker, subject=subject)
        finished = True
    finally:
        if not finished:
            shutil.rmtree(temporary, ignore_errors=True)
            for parent in made:
                with suppress(OSError):
                    parent.rmdir()


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files so that each appears whole or not at all; an older file of the name is replaced.

    Parameters
    ----------
    contents : mapping of pathlib.Path to bytes
        What goes where. The folders must exist.

    Raises
    ------
    InputError
        If one of them cannot be written. Then none is new, unless a rename itself failed.
    """
    written: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise InputError(_file(path), [Fault("path", "it is a folder", "Give a file name")])
            temporary = path.with_name(f".psychomet-{uuid.uuid4().hex}.tmp")
            written.append((temporary, path))
            temporary.write_bytes(content)
        for temporary, path in written:
            os.replace(temporary, path)
    except (OSError, ValueError) as error:
        what = f"it cannot be written ({visible(error, 100)})"
        raise InputError(
            _file(path), [Fault("path", what, "Check that the folder is there and yours")]
        ) from None
    finally:
        for temporary, _ in written:
            with suppress(OSError, ValueError):
                temporary.unlink()


def _file(path: Path) -> str:
    return f"file {visible(path, 200)}"


def _resolve(target: str | os.PathLike[str], subject: str) -> Path:
    """Follow links, and refuse what can never be replaced."""
    try:
        place = Path(target).resolve()
        standing = Path.cwd().resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            subject, [Fault("path", f"it is no usable path ({visible(error, 100)})", "Give another path")]
        ) from None
    if standing.is_relative_to(place):
        raise InputError(
            subject, [Fault("path", "it is the working folder, or one above it", "Give a folder inside it")]
        )
    return place


def _absent_parents(place: Path) -> list[Path]:
    """Return the parents that do not exist yet, deepest first."""
    return [parent for parent in place.parents if not parent.exists()]


def _unwritable(subject: str, error: OSError) -> InputError:
    what = f"it cannot be written ({error.strerror or type(error).__name__})"
    return InputError(
        subject, [Fault("folder", what, "Give a folder that you may write to, or a new one inside it")]
    )


def _refuse_foreign(place: Path, marker: str, subject: str) -> None:
    """Raise unless the place is free, empty, or holds nothing but what psychomet wrote."""
    fault: Fault | None = None
    for _ in range(_SWAPS):
        before = _stamp(place, subject)
        fault = _foreign(place, marker, subject) if before is not None else None
        if fault is None:
            return
        # Another writer may have swapped the folder while it was looked at: then look again.
        if _stamp(place, subject) == before:
            break
    if fault is not None:
        raise InputError(subject, [fault])


def _stamp(place: Path, subject: str) -> tuple[int, int] | None:
    try:
        status = place.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unwritable(subject, error) from None
    return status.st_ino, status.st_mtime_ns


def _foreign(place: Path, marker: str, subject: str) -> Fault | None:
    """Return what keeps a folder from being replaced, if anything does."""
    todo = "Move or delete them, or give another folder; nothing was changed"
    if not place.is_dir():
        return Fault("path", "there is a file of that name", "Give another folder; nothing was changed")
    try:
        there = set(_entries(place))
    except OSError as error:
        raise _unwritable(subject, error) from None
    if not there:
        return None
    if not isinstance(_read_object(place / marker).get("psychomet"), str):
        what = f"it holds {len(there)} entries and no {marker} of psychomet: {_some(there)}"
        return Fault("folder", what, todo)
    listed = _read_object(place / MANIFEST).get("files")
    ours = {marker, MANIFEST, *(map(str, listed) if isinstance(listed, list) else ())}
    foreign = {entry for entry in there - ours if entry.rpartition("/")[2] not in _SYSTEM_FILES}
    if not foreign:
        return None
    return Fault(
        "folder", f"it holds {len(foreign)} entries that psychomet did not write: {_some(foreign)}", todo
    )


def _some(names: set[str]) -> str:
    shown = ", ".join(visible(name) for name in sorted(names)[:_SHOWN])
    return shown + (" ..." if len(names) > _SHOWN else "")


def _entries(place: Path) -> Iterator[str]:
    """Yield the relative path of every file, link and empty folder below ``place``."""
    for folder, folders, files in os.walk(place, onerror=_raise_unless_gone):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *links):
            yield (here / name).relative_to(place).as_posix()
        if not files and not folders and here != place:
            yield here.relative_to(place).as_posix()


def _raise_unless_gone(error: OSError) -> None:
    # A folder that another writer has just replaced is looked at again by the caller.
    if not isinstance(error, FileNotFoundError):
        raise error


def _read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in a file, or an empty one where there is none."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_manifest(folder: Path) -> None:
    files = sorted({*_entries(folder), MANIFEST})
    content = {"psychomet": "written by psychomet: replaced together, and only together", "files": files}
    (folder / MANIFEST).write_bytes(json.dumps(content, indent=1).encode() + b"\n")


def _swap(temporary: Path, *, place: Path, marker: str, subject: str) -> None:
    """Put the temporary folder in the place of the old one; bring the old one back if that fails."""
    for _ in range(_SWAPS):
        old = _set_aside(place, temporary, subject)
        # Looked at again, because the block may have run for hours; nobody else writes to it here.
        fault = None if old is None else _foreign(old, marker, subject)
        if old is not None and fault is not None:
            _put_back(old, place, subject)
            raise InputError(subject, [fault])
        try:
            os.rename(temporary, place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) and not place.exists():
                if old is not None:
                    _put_back(old, place, subject)
                raise _unwritable(subject, error) from None
            # Another writer was faster: its folder is the old one of the next round.
            finished = False
        else:
            finished = True
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        if finished:
            return
    raise InputError(
        subject, [Fault("folder", "another process keeps writing it", "Give each run a folder of its own")]
    )


def _set_aside(place: Path, temporary: Path, subject: str) -> Path | None:
    """Move the old folder out of the way, and give its permissions to the new one; None if there is none."""
    aside = place.with_name(f".psychomet-{uuid.uuid4().hex}.old")
    try:
        shutil.copymode(place, temporary)
        os.rename(place, aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unwritable(subject, error) from None
    return aside


def _put_back(old: Path, place: Path, subject: str) -> None:
    try:
        os.rename(old, place)
    except OSError as error:
        what = f"the older folder could not be put back ({error.strerror}) and lies in {visible(old, 400)}"
        raise InputError(subject, [Fault("folder", what, "Move it back by hand")]) from None
