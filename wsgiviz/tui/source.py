"""Source text, found without importing it: its module may do anything when run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Some lines of a file, from ``first_line`` on; ``why_not`` when there are none to show."""

    path: str
    first_line: int
    lines: tuple[str, ...]
    why_not: str = ""

    def has(self, file: str, line: int) -> bool:
        """Whether that line of that file (its path, or the end of it) is among these."""
        return _ends_with(self.path, file) and self.first_line <= line < self.first_line + len(self.lines)


def find_source(import_string: str) -> Source:
    """The definition of ``module:attribute``; the file's beginning when the attribute is not defined in it."""
    module, _, attribute = import_string.partition(":")
    path = _module_path(module)
    if path is None:
        return Source(module, 1, (), f"the source of {module} was not found")
    parsed = _parsed(path)
    if parsed is None:
        return Source(str(path), 1, (), f"{path.name} can't be read as Python")
    lines, tree = parsed
    first, last = _definition(tree, attribute.partition("(")[0]) or (1, len(lines))
    return Source(str(path), first, lines[first - 1 : last])


def source_at(file: str, line: int, beside: str) -> Source | None:
    """The function round ``line`` of ``file``; None when it can't be found.

    ``file`` is a path as Python found it, perhaps only its end; ``beside`` is a file that it may be the end of.
    It comes from an observed process: nothing but Python source is opened, and nothing is run.
    """
    path = next((path for path in _candidates(file, beside) if path.suffix == ".py" and _is_file(path)), None)
    parsed = _parsed(path) if path is not None else None
    if path is None or parsed is None or not 0 < line <= len(parsed[0]):
        return None
    lines, tree = parsed
    first, last = _innermost(tree, line) or (1, len(lines))
    return Source(str(path), first, lines[first - 1 : last])


def _candidates(file: str, beside: str) -> Iterator[Path]:
    if _ends_with(beside, file):
        yield Path(beside)
    if ".." not in Path(file).parts:
        for base in (".", *sys.path):
            yield Path(base or ".") / file


def _ends_with(path: str, end: str) -> bool:
    return bool(end) and str(Path(path).absolute()).endswith(end)


def _parsed(path: Path) -> tuple[tuple[str, ...], ast.Module] | None:
    try:
        return _parse(path.absolute(), path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=32)
def _parse(path: Path, changed_ns: int) -> tuple[tuple[str, ...], ast.Module] | None:
    """The file as it was at ``changed_ns``: a new one is read again."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            return None
        text = data.decode("utf-8", "replace")
        return tuple(text.splitlines()), ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def _module_path(module: str) -> Path | None:
    parts = module.split(".")
    for base in (".", *sys.path):
        folder = Path(base or ".").joinpath(*parts)
        for candidate in (folder.with_suffix(".py"), folder / "__init__.py"):
            if _is_file(candidate):
                return candidate
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that is closed to us
        return False


def _definition(tree: ast.Module, name: str) -> tuple[int, int] | None:
    """First and last line of the top-level definition of ``name``."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            return _extent(node)
    return None


def _innermost(tree: ast.Module, line: int) -> tuple[int, int] | None:
    """First and last line of the innermost function round ``line``."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    round_it = [found for found in map(_extent, functions) if found[0] <= line <= found[1]]
    return min(round_it, key=lambda extent: extent[1] - extent[0], default=None)


def _extent(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[int, int]:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return first, node.end_lineno or first
