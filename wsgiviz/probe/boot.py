"""What kept an app from loading, in the words its author needs."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import gunicorn

SERVER_FOLDERS = (
    os.path.dirname(gunicorn.__file__),
    os.path.dirname(importlib.__file__),
    os.path.dirname(__file__),
)

MOST_CHARACTERS = 4_000


class BootError(TypedDict):
    """``kind`` is the exception's name; ``traceback`` has the app's own frames, and is empty without any."""

    kind: str
    message: str
    traceback: str


class WrongProtocol(Exception):
    """The app speaks the other side's protocol."""


def load_app(load: Callable[[], Any], run_dir: Path, side: str) -> Any:
    """Load the app as its server does; what goes wrong is also written down for the viewer."""
    try:
        app = load()
        refuse_other_protocol(app, side)
    except BaseException as error:
        with contextlib.suppress(OSError):
            hidden = run_dir / f"{side}-boot-error-{os.getpid()}.new"
            hidden.write_text(json.dumps(describe(error)))
            hidden.rename(run_dir / f"{side}-boot-error.json")
        raise
    return app


def refuse_other_protocol(app: Any, side: str) -> None:
    """Raise WrongProtocol when ``app`` is surely of the other kind; in doubt it is let through."""
    speaks_asgi = is_asgi(app)
    if side.startswith("wsgi") and speaks_asgi:
        raise WrongProtocol("this is an ASGI app: an async callable, which a WSGI server can't call")
    if side.startswith("asgi") and not speaks_asgi and _takes(app, 2):
        raise WrongProtocol("this is a WSGI app: a callable of (environ, start_response), not async")


def is_asgi(app: Any) -> bool:
    """Whether calling ``app`` gives a coroutine, as far as can be told without calling it."""
    while isinstance(app, functools.partial):
        app = app.func
    call = getattr(type(app), "__call__", None)  # noqa: B004 - the function behind it is wanted
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


def _takes(app: Any, count: int) -> bool:
    """Whether ``app`` can be called with ``count`` arguments and not with three."""
    try:
        signature = inspect.signature(app)
        signature.bind(*range(count))
    except (TypeError, ValueError):
        return False
    try:
        signature.bind(1, 2, 3)
    except TypeError:
        return True
    return False


def describe(error: BaseException) -> BootError:
    """The error with its traceback cut to the frames of the app (the server's and the importer's left out)."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(SERVER_FOLDERS) and not frame.filename.startswith("<frozen")
    ]
    own = frames or isinstance(error, SyntaxError)
    lines = traceback.format_list(frames)
    lines += traceback.format_exception_only(type(error), error) if own else []
    return {
        "kind": type(error).__name__,
        "message": str(error)[:MOST_CHARACTERS],
        "traceback": "".join(lines)[-MOST_CHARACTERS:],
    }
