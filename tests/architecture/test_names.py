"""One name stands for one thing, and no file is so long that nobody reads it."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import wsgiviz

PACKAGE = Path(wsgiviz.__file__).parent
PROJECT = Path(__file__).parents[2]
MOST_LINES = 400


def test_no_two_public_classes_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_file_is_longer_than_it_should_be() -> None:
    files = [path for folder in (PACKAGE, PROJECT / "tests", PROJECT / "demo_apps") for path in folder.rglob("*.py")]
    assert files
    long = {path.name: len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}
