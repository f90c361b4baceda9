"""Where the source of an app is, found without importing it: a module may do anything when it is run.

What is opened is Python source and nothing else: names of files come from observed processes too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 2 * 1024 * 1024
"""A larger file is not read."""


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
