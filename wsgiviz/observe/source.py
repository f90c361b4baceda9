"""Where the source of an app is, found without importing it: a module may do anything when it is run.

What is opened is Python source and nothing else: names of files come from observed processes too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 2 * 1024 * 1024
"""A larger file is not read."""


MOST_LOOKED_AT = 20_000
"""So many files are looked at in a search."""

CUT_FROM = 30
"""Bytes of a path that was cut, at least: it may have lost some of a character (`wsgiviz.probe.source_lines`)."""

NOT_THE_APPS = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})


def module_path(import_string: str) -> Path | None:
    """The file of ``module:attribute``, looked up from the current directory and then as Python does."""
    parts = import_string.partition(":")[0].split(".")
    for base in (".", *sys.path):
        folder = Path(base or ".").joinpath(*parts)
        for candidate in (folder.with_suffix(".py"), folder / "__init__.py"):
            if is_file(candidate):
                return candidate
    return None


def find_file(file: str, beside: str) -> Path | None:
    """The source file that ``file`` names: a path as Python found it, perhaps only its end.

    ``beside`` is a file that it may be the end of. None when it is not found, or is no Python source.
    """
    return next((path for path in _candidates(file, beside) if path.suffix == ".py" and is_file(path)), None)


def find_by_end(end: str, folder: Path) -> Path | None:
    """The Python source below ``folder`` whose path ends so, where that is the cut path of an event. Hidden folders,
    and installed packages, are left out; so is what comes too late among very many."""
    if len(end.encode("utf-8", "replace")) < CUT_FROM:
        return None
    name, looked_at = end.rpartition("/")[2], 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in NOT_THE_APPS)
        looked_at += len(files)
        for file in files:
            if file.endswith(name) and file.endswith(".py") and ends_with(os.path.join(parent, file), end):
                return Path(parent, file)
        if looked_at > MOST_LOOKED_AT:
            return None
    return None


def _candidates(file: str, beside: str) -> Iterator[Path]:
    if ends_with(beside, file):
        yield Path(beside)
    if ".." not in Path(file).parts:
        for base in (".", *sys.path):
            yield Path(base or ".") / file


def ends_with(path: str, end: str) -> bool:
    """Whether ``end`` is the end of ``path``, made absolute."""
    return bool(end) and str(Path(path).absolute()).endswith(end)


def read_source(path: Path) -> str | None:
    """The text of a file; None when it can't be read, or is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError):
        return None
    return data.decode("utf-8", "replace") if len(data) <= MOST_BYTES else None


def is_file(path: Path) -> bool:
    """Whether it is one, as far as we may know: a name may be too long, a folder closed to us."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
