"""Source text, found without importing it: its module may do anything when run.

The text that a server was started with is in the State (``texts``, by path). Where it is not, the file is read; but
not for a recording: files of that name may be others here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from wsgiviz.observe.source import MOST_BYTES, ends_with, find_file, module_path, read_source
from wsgiviz.settings import Settings

NO_TEXTS: Mapping[str, str] = {}

Parsed = tuple[tuple[str, ...], ast.Module]
"""The lines of a file, and its tree."""


@dataclass(frozen=True, slots=True)
class Source:
    """Some lines of a file, from ``first_line`` on; ``why_not`` when there are none to show."""

    path: str
    first_line: int
    lines: tuple[str, ...]
    why_not: str = ""

    def has(self, file: str, line: int) -> bool:
        """Whether that line of that file (its path, or the end of it) is among these."""
        return ends_with(self.path, file) and self.first_line <= line < self.first_line + len(self.lines)


def find_source(import_string: str, texts: Mapping[str, str] = NO_TEXTS, files: bool = True) -> Source:
    """The definition of ``module:attribute``; the file's beginning when the attribute is not defined in it.

    ``files``: what is not among ``texts`` may be read.
    """
    module, _, attribute = import_string.partition(":")
    known = _known_module(module, texts)
    file = module_path(import_string) if files and known is None else None
    path = known or (str(file) if file is not None else "")
    if not path:
        return Source(module, 1, (), f"the source of {module} was not found")
    parsed = _parse(texts[known]) if known is not None else _parsed(file)
    if parsed is None:
        return Source(path, 1, (), f"{path.rpartition('/')[2]} can't be read as Python")
    lines, tree = parsed
    first, last = _definition(tree, attribute.partition("(")[0]) or (1, len(lines))
    return Source(path, first, lines[first - 1 : last])


def called(settings: Settings, side: str) -> str:
    """What a request waits in on that side, by the name in its code: "asyncio.sleep"."""
    return settings.call(side).removeprefix("await ").partition("(")[0]


@lru_cache(maxsize=32)
def lifespan_lines(source: Source) -> frozenset[int]:
    """The numbers of its lines that answer lifespan messages: ``if scope["type"] == "lifespan": ...``."""
    parsed = _parse(dedent("\n".join(source.lines)))
    if parsed is None:
        return frozenset()
    found: set[int] = set()
    for node in ast.walk(parsed[1]):
        if isinstance(node, ast.If) and not node.orelse and _is_lifespan(node.test):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return frozenset(source.first_line + line - 1 for line in found)


def _is_lifespan(test: ast.expr) -> bool:
    values = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    equal = isinstance(test, ast.Compare) and all(isinstance(op, ast.Eq) for op in test.ops)
    return equal and any(isinstance(value, ast.Constant) and value.value == "lifespan" for value in values)


def source_at(
    file: str, line: int, beside: str, texts: Mapping[str, str] = NO_TEXTS, files: bool = True
) -> Source | None:
    """The function round ``line`` of ``file``; None when it can't be found.

    ``file`` is a path as Python found it, perhaps only its end; ``beside`` is a file that it may be the end of.
    It comes from an observed process: nothing but Python source is opened, and nothing is run.
    """
    known = _known_file(file, beside, texts)
    found = find_file(file, beside) if files and known is None else None
    parsed = _parse(texts[known]) if known is not None else _parsed(found)
    if parsed is None or not 0 < line <= len(parsed[0]):
        return None
    lines, tree = parsed
    first, last = _innermost(tree, line) or (1, len(lines))
    return Source(known or str(found), first, lines[first - 1 : last])


def _known_module(module: str, texts: Mapping[str, str]) -> str | None:
    """The path among ``texts`` that is the module's; the one that is nearest to the root where there are several."""
    stem = "/" + module.replace(".", "/")
    ends = f"{stem}.py", f"{stem}/__init__.py"
    return min((path for path in texts if f"/{path}".endswith(ends)), key=len, default=None)


def _known_file(file: str, beside: str, texts: Mapping[str, str]) -> str | None:
    """The path among ``texts`` that ends as ``file`` does: ``beside`` if it does, else the shortest."""
    found = [path for path in texts if file and path.endswith(file) and path.endswith(".py")]
    return min(found, key=lambda path: (path != beside, len(path)), default=None)


def _parsed(path: Path | None) -> Parsed | None:
    """A file; None when there is none, or it can't be read."""
    try:
        return _parse_file(path.absolute(), path.stat().st_mtime_ns) if path is not None else None
    except (OSError, ValueError):  # ValueError: a name with a null in it
        return None


@lru_cache(maxsize=32)
def _parse_file(path: Path, changed_ns: int) -> Parsed | None:
    """The file as it was at ``changed_ns``: a new one is read again."""
    text = read_source(path)
    return _parse(text) if text is not None else None


@lru_cache(maxsize=32)
def _parse(text: str) -> Parsed | None:
    if len(text) > MOST_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an invalid escape: that is for those who run it
            return tuple(text.splitlines()), ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested without end
        return None


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
