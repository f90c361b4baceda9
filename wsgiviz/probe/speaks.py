"""A program: which protocol does an app speak? ``python speaks.py MODULE:ATTRIBUTE``, in the app's own Python.

Prints "wsgi" or "asgi" after a mark. The app is loaded as its server will load it, and not called.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from typing import Any


def speaks(app: Any) -> str:
    """ "asgi" for what gives a coroutine, or takes three arguments and no two; "wsgi" for the rest."""
    while isinstance(app, functools.partial):
        app = app.func
    call = getattr(type(app), "__call__", None)  # noqa: B004 - the function behind it is wanted
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call):
        return "asgi"
    try:
        signature = inspect.signature(app)
        signature.bind(1, 2, 3)
    except (TypeError, ValueError):
        return "wsgi"
    try:
        signature.bind(1, 2)
    except TypeError:
        return "asgi"
    return "wsgi"


def load(text: str) -> Any:
    """The app behind ``module:attribute``, or made by ``module:factory()``."""
    module, _, name = text.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.removesuffix("()").split("."):
        found = getattr(found, part)
    return found() if name.endswith("()") else found


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    print("\nwsgiviz:" + speaks(load(sys.argv[1])))
