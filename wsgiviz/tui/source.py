"""The source text behind an import string, found without importing it: its module may do anything when run."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Some lines of a file, from ``first_line`` on; ``why_not`` when there are none to show."""

    path: str
    first_line: int
    lines: tuple[str, ...]
    why_not: str = ""


def find_source(import_string: str) -> Source:
    """The definition of ``module:attribute``; the file's beginning when the attribute is not defined in it."""
    module, _, attribute = import_string.partition(":")
    path = _module_path(module)
    if path is None:
        return Source(module, 1, (), f"the source of {module} was not found")
    try:
        text = path.read_bytes()[:MOST_BYTES].decode("utf-8", "replace")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return Source(path.name, 1, (), f"{path.name} can't be read as Python")
    lines = text.splitlines()
    first, last = _definition(tree, attribute.partition("(")[0]) or (1, len(lines))
    return Source(path.name, first, tuple(lines[first - 1 : last]))


def _module_path(module: str) -> Path | None:
    parts = module.split(".")
    for base in (".", *sys.path):
        folder = Path(base or ".").joinpath(*parts)
        for candidate in (folder.with_suffix(".py"), folder / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _definition(tree: ast.Module, name: str) -> tuple[int, int] | None:
    """First and last line of the top-level definition of ``name``."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return first, node.end_lineno or first
    return None
