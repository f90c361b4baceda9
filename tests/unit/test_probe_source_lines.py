"""The text of a line: as much of its path, function and call as there is room for."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from types import CodeType
from typing import Any

import pytest

from demo_apps.cpu import count_primes
from wsgiviz.probe import source_lines
from wsgiviz.probe.source_lines import CALL_BYTES, FILE_BYTES, FUNCTION_BYTES, SourceLines, awaiting
from wsgiviz.recorder.codec import TEXT_BYTES


def code(path: str, function: str) -> CodeType:
    scope: dict[str, Any] = {}
    exec(compile(f"def {function}():\n    pass", path, "exec"), scope)
    found: CodeType = scope[function].__code__
    return found


@pytest.fixture(name="where")
def _where(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of a path, a function and a call: the three as they come into an event."""

    def where(path: str, function: str, call: str) -> list[str]:
        monkeypatch.setattr(source_lines, "_call", lambda code, at: call)
        made = source_lines._named(code(path, function), 0, 5).where
        assert len(made) <= TEXT_BYTES
        return made.decode().split("|")

    return where


def test_what_fits_is_whole(where: Any) -> None:
    assert where("/app/x.py", "view", "anyio.to_thread.run_sync_of_all_kinds") == [
        "/app/x.py", "view", "anyio.to_thread.run_sync_of_all_kinds",
    ]  # fmt: skip
    path = "/myshop/apps/orders/services/checkout_payment_provider.py"
    assert where(path, "checkout", "sleep") == [path, "checkout", "sleep"]


def test_each_has_its_share_whatever_the_others_are(where: Any) -> None:
    path, function, call = where("/long" * 50 + ".py", "function" * 9, "call." * 50)
    assert (len(path), len(function), len(call)) == (FILE_BYTES, FUNCTION_BYTES, CALL_BYTES)
    assert path.endswith("long.py")
    assert function.startswith("functionfunction")


def test_the_end_of_a_path_has_what_the_others_leave(where: Any) -> None:
    path, function, call = where("/long" * 50 + ".py", "f", "")
    assert (function, call) == ("f", "")
    assert len(path) == TEXT_BYTES - 3


def test_the_line_of_a_def_is_below_its_decorators(tmp_path: Any) -> None:
    source = tmp_path / "decorated.py"
    source.write_text("def plain(f):\n    return f\n\n@plain\n@plain\nasync def view():\n    pass\n")
    scope: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), scope)
    lines = SourceLines("decorated")
    found = lines.definition(scope["view"].__code__)
    assert found is not None
    assert (found.number, found.where.endswith(b"|view|")) == (6, True)
    assert lines.definition(contextlib.suppress.__init__.__code__) is None, "it is Python's own"


def test_an_instruction_without_a_line_has_the_line_before_it() -> None:
    """A sampler that meets a loop's jump back said line 0."""
    of = count_primes.__code__
    spans = list(of.co_lines())
    assert all(source_lines._line_before(of, start) == line for start, _, line in spans if line)
    without = [start for start, _, line in spans if line is None]
    assert all(source_lines._line_before(of, start) > of.co_firstlineno for start in without)
    assert without or sys.version_info >= (3, 12)


def test_who_waits_in_a_primitive_is_named_with_it() -> None:
    async def wait_for_connection(event: asyncio.Event) -> None:
        await event.wait()

    async def view(event: asyncio.Event) -> list[bytes]:
        task = asyncio.create_task(wait_for_connection(event))
        await asyncio.sleep(0)
        frames = awaiting(task.get_coro())
        event.set()
        await task
        return [SourceLines("app:app").innermost(frames).where, SourceLines("app:app").name(frames[-1]).where]

    where = asyncio.run(view(asyncio.Event()))
    assert where[0] == b"asyncio/locks.py|wait||wait_for_connection"
    assert where[1].split(b"|")[1:] == [b"wait_for_connection", b"event.wait"]


def test_what_is_said_of_it_fits_too(where: Any) -> None:
    long = source_lines._source_line(code("/a" * 50, "wait"), 5, "", "u" * 90).where
    assert (len(long), long.count(b"|")) == (TEXT_BYTES, 3)
