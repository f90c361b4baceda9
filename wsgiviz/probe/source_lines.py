"""Source lines: from a frame, or a chain of awaits, to file, line, function, and the call that is running.

A line belongs to the app when its file is neither Python's, nor installed, nor the server's, nor ours; what
lies in the package of the app itself always belongs to it. The call is cut from the source line by the
instruction's own columns (PEP 657), so that C functions, which have no frame, get their name: "time.sleep".
"""

from __future__ import annotations

import ast
import gc
import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Iterable
from itertools import islice
from types import CodeType, FrameType
from typing import Any, NamedTuple

FILE_BYTES, FUNCTION_BYTES, CALL_BYTES = 34, 18, 22
"""What each may surely have of an event's text: of a file its end is kept, of the others their beginning. What one of
them leaves is the others', the file's first."""

INSTALLED = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
PYTHON = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))
DEF = re.compile(r"\s*(async )?def ")
DEFINED = -1
"""Stands for the place of an instruction: the function's beginning."""
MOST_DECORATED = 20
"""A function's ``def`` is looked for in so many lines."""
PRIMITIVES = tuple(
    os.sep + name.replace("/", os.sep)
    for name in ("asyncio/locks.py", "asyncio/queues.py", "threading.py", "queue.py", "gevent/event.py")
)
"""Files of functions in which anything may wait for anything."""
SAYING_NOTHING = frozenset({"wait", "get", "put", "acquire", "result", "__aenter__", "__enter__"})
"""Names of functions round them that say no more of who waits there, or for what."""
MOST_KNOWN = 4096
"""So many lines, and files, are remembered."""
OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep


class SourceLine(NamedTuple):
    """A line that a request is at. ``where`` is "file|function|call" or "file|function||user", as in events."""

    number: int
    where: bytes


class SourceLines:
    """Names the lines of frames, and knows which belong to the app behind the import string ``app``."""

    def __init__(self, app: str) -> None:
        self._package = _package_of(app.partition(":")[0])
        self._own: dict[str, bool] = {}
        self._named: dict[tuple[CodeType, int], SourceLine] = {}
        self._used: dict[tuple[CodeType, int, str], SourceLine] = {}

    def own(self, frames: list[FrameType]) -> FrameType | None:
        """The innermost of ``frames``, which come innermost first, that is the app's."""
        return next((frame for frame in frames if self._is_own(frame.f_code)), None)

    def to_own(self, frames: Iterable[FrameType]) -> list[FrameType]:
        """Innermost-first ``frames`` up to `own`; none where there is no such. No more of them are asked for."""
        found: list[FrameType] = []
        for frame in frames:
            found.append(frame)
            if self._is_own(frame.f_code):
                return found
        return []

    def _is_own(self, code: CodeType) -> bool:
        name = code.co_filename
        own = self._own.get(name)
        if own is None:
            if len(self._own) > MOST_KNOWN:  # code may be made at run time, under any name
                self._own.clear()
            own = self._own[name] = self._belongs(name)
        return own

    def _belongs(self, name: str) -> bool:
        if self._package and name.startswith(self._package):
            return True
        elsewhere = name.startswith(("<", OURS, *PYTHON)) or any(part in name for part in INSTALLED)
        return not elsewhere

    def name(self, frame: FrameType) -> SourceLine:
        """The line where ``frame`` is now."""
        code, at = frame.f_code, frame.f_lasti
        known = self._named.get((code, at))
        if known is None:
            self._bound()
            known = self._named[code, at] = _named(code, at, frame.f_lineno or _line_before(code, at))
        return known

    def innermost(self, frames: list[FrameType]) -> SourceLine:
        """The line of the first of ``frames``; of one that any wait may end in, with the function that uses it."""
        code, at = frames[0].f_code, frames[0].f_lasti
        if not code.co_filename.endswith(PRIMITIVES):
            return self.name(frames[0])
        around = (frame.f_code for frame in frames if not frame.f_code.co_filename.endswith(PRIMITIVES))
        user = next((user.co_name for user in around if user.co_name not in SAYING_NOTHING), "")
        known = self._used.get((code, at, user))
        if known is None:
            self._bound()
            line = frames[0].f_lineno or _line_before(code, at)
            known = self._used[code, at, user] = _source_line(code, line, "", user)
        return known

    def definition(self, code: CodeType) -> SourceLine | None:
        """The line of a function's ``def``; None when it is not the app's."""
        if not self._is_own(code):
            return None
        known = self._named.get((code, DEFINED))
        if known is None:
            self._bound()
            known = self._named[code, DEFINED] = _defined(code)
        return known

    def _bound(self) -> None:
        """What is known keeps code alive, and an app may make new code for each request."""
        if len(self._named) > MOST_KNOWN:
            self._named.clear()
        if len(self._used) > MOST_KNOWN:
            self._used.clear()


def _package_of(module: str) -> str:
    """The folder of the app's top-level package, or the file of its module."""
    path = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None) or ""
    return os.path.dirname(path) + os.sep if path.endswith("__init__.py") else path


def _named(code: CodeType, at: int, line: int | None) -> SourceLine:
    return _source_line(code, line, _call(code, at))


def _line_before(code: CodeType, at: int) -> int:
    """Instructions of the compiler's own, such as a loop's jump back, have no line: that of the one before them."""
    found = code.co_firstlineno
    for start, _, line in code.co_lines():
        if start > at:
            break
        found = line or found
    return found


def _defined(code: CodeType) -> SourceLine:
    """Python counts a function's decorators as its first lines."""
    first = code.co_firstlineno
    lines = range(first, first + MOST_DECORATED)
    found = (line for line in lines if DEF.match(linecache.getline(code.co_filename, line)))
    return _source_line(code, next(found, first), "")


def _source_line(code: CodeType, line: int | None, call: str, user: str = "") -> SourceLine:
    """``user`` stands where a call would, behind one more "|": a primitive's own calls say nothing."""
    file = _short_path(code.co_filename).encode("utf-8", "replace")
    function, called = code.co_name.encode("utf-8", "replace"), (call or user).encode("utf-8", "replace")
    lengths = _lengths(
        (len(file), FILE_BYTES - bool(user)), (len(called), CALL_BYTES), (len(function), FUNCTION_BYTES)
    )
    parts = file[-lengths[0] :], function[: lengths[2]], called[: lengths[1]]
    texts = [part.replace(b"|", b"!") for part in parts]
    return SourceLine(line or 0, b"|".join(texts if call or not user else [*texts[:2], b"", texts[2]]))


def _lengths(*wanted: tuple[int, int]) -> list[int]:
    """How long each may be of what is so long and has such a share: the first has what the others leave first."""
    left = sum(share - min(length, share) for length, share in wanted)
    found = []
    for length, share in wanted:
        more = min(left, max(0, length - share))
        left -= more
        found.append(min(length, share + more))
    return found


def _short_path(path: str) -> str:
    """Relative to where Python found it, as far as that can be told."""
    bases = [base + os.sep for base in (os.getcwd(), *sys.path) if base]
    found = [path[len(base) :] for base in bases if path.startswith(base)]
    return min(found, key=len, default=path)


def _call(code: CodeType, at: int) -> str:
    """The function called by the instruction at offset ``at``, as it stands in the source; else "".

    A ``with`` statement calls what it enters: "with lock", "async with pool.acquire".
    """
    start, end, column, end_column = next(islice(code.co_positions(), at // 2, None), (None,) * 4)
    if start is None or column is None or end_column is None:
        return ""
    line = linecache.getline(code.co_filename, start)
    if line.lstrip().startswith(("with ", "async with ")):
        return _entered(line.strip())
    if start != end:
        return ""
    segment = line.encode()[column:end_column].decode("utf-8", "replace")
    try:
        expression = _unawaited(ast.parse(segment.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return ""
    return ast.unparse(expression.func) if isinstance(expression, ast.Call) else ""


def _unawaited(expression: ast.expr) -> ast.expr:
    return expression.value if isinstance(expression, ast.Await) else expression


def _callee(expression: ast.expr) -> str:
    """The function that is called; of anything else, what it is."""
    expression = _unawaited(expression)
    return ast.unparse(expression.func if isinstance(expression, ast.Call) else expression)


def _entered(statement: str) -> str:
    """What a ``with`` statement of one line enters, without its ``as``."""
    try:
        [found] = ast.parse(f"{statement}\n pass").body
    except (SyntaxError, ValueError):
        return ""
    if not isinstance(found, ast.With | ast.AsyncWith):
        return ""
    word = "with" if isinstance(found, ast.With) else "async with"
    return f"{word} {', '.join(_callee(item.context_expr) for item in found.items)}"


def stack(frame: FrameType | None) -> list[FrameType]:
    """A running frame and its callers, innermost first."""
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def awaiting(work: Any) -> list[FrameType]:
    """The frames of a suspended coroutine and of all that it awaits, innermost first."""
    frames = (next(filter(None, (getattr(link, name, None) for name in FRAME_NAMES)), None) for link in _chain(work))
    return [frame for frame in frames if frame is not None][::-1]


def waits_for(work: Any) -> Any:
    """What the innermost coroutine awaits: a future of asyncio's, as a rule."""
    return _chain(work)[-1]


def _chain(work: Any) -> list[Any]:
    """A coroutine, what it awaits, and so on."""
    found = [work]
    while len(found) < LONGEST_CHAIN:
        work = found[-1]
        if getattr(work, "gi_code", None) in DRIVERS:
            behind = work.gi_frame and work.gi_frame.f_locals.get(DRIVERS[work.gi_code])
        elif type(work).__name__ in OPAQUE:
            behind = next((one for one in gc.get_referents(work) if not isinstance(one, type)), None)
        else:
            behind = next(filter(None, (getattr(work, name, None) for name in AWAIT_NAMES)), None)
        if behind is None:
            break
        found.append(behind)
    return found


LONGEST_CHAIN = 200
DRIVERS: dict[CodeType, str] = {}
"""Of generators that drive a coroutine step by step, instead of awaiting it: the name of the variable that has it."""
FRAME_NAMES = "cr_frame", "gi_frame", "ag_frame"
AWAIT_NAMES = "cr_await", "gi_yieldfrom", "ag_await"
OPAQUE = frozenset(
    {"FutureIter", "coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
)
"""Python's own links between two of a chain, which have no attribute for what is behind them: the first thing that
they refer to."""
