"""Demo apps are read from a screen: none of their lines is cut there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import demo_apps

FOLDER = Path(next(iter(demo_apps.__path__)))
LONGEST = 91
"""What a listing has room for on a terminal of 200 columns, where nobody stands in the line."""


@pytest.mark.parametrize("app", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_a_large_terminal_shows_each_line_of_a_function_whole(app: Path) -> None:
    lines = app.read_text().splitlines()
    functions = [
        node
        for node in ast.walk(ast.parse(app.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inside = {number for node in functions for number in range(node.lineno, (node.end_lineno or 0) + 1)}
    long = [f"{number}: {lines[number - 1]}" for number in sorted(inside) if len(lines[number - 1]) > LONGEST]
    assert not long or app.stem == "http_text", "that of all apps is not shown"
