"""A person's own gunicorn, under ``wsgiviz exec``: our hooks beside its own, whatever it was configured with."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

from wsgiviz.probe import ring
from wsgiviz.probe.app_folder import off_path
from wsgiviz.probe.conf_chain import OURS_LAST
from wsgiviz.probe.worker_kinds import kind_of

HOOKS = (
    "on_starting", "when_ready", "nworkers_changed", "child_exit", "on_exit",
    "post_fork", "post_worker_init", "worker_int", "worker_abort", "worker_exit",
)  # fmt: skip


def install() -> None:
    """Where gunicorn's Arbiter is given its configuration: when it starts, and again when it reloads."""
    from gunicorn.arbiter import Arbiter

    Arbiter.cfg = Configuration()


class Configuration:
    """The attribute ``cfg`` of an Arbiter, which adds our hooks to what it is set to.

    (A function round `Arbiter.setup` would be seen in the traceback of an app that can't be preloaded.)
    """

    def __get__(self, arbiter: Any, owner: type) -> Any:
        if arbiter is None:
            return self
        try:
            return arbiter.__dict__["cfg"]
        except KeyError:
            raise AttributeError("cfg") from None

    def __set__(self, arbiter: Any, cfg: Any) -> None:
        arbiter.__dict__["cfg"] = cfg
        try:
            for name in HOOKS:
                cfg.set(name, _both(name, getattr(cfg, name)))
        except Exception as error:  # noqa: BLE001 - the server runs as without us
            failed(error)


def _both(name: str, theirs: Callable[..., Any]) -> Callable[..., Any]:
    """Their hook, and ours beside it, looked up when it is called: the class of workers is known then."""

    @functools.wraps(theirs)  # gunicorn looks at the signature
    def both(*args: Any) -> None:
        if name in OURS_LAST:
            theirs(*args)
            _call(name, args)
        else:
            _call(name, args)
            theirs(*args)

    return both


def _call(name: str, args: tuple[Any, ...]) -> None:
    """Our hook; nothing comes of its faults."""
    try:
        hooks = _hooks(args[0])
        if hooks is not None:
            getattr(hooks, name)(*args)
    except Exception as error:  # noqa: BLE001
        failed(error)


def _hooks(server_or_worker: Any) -> Any:
    """Our hooks; None where the class of workers is one that the probe does not know."""
    worker_class = getattr(server_or_worker, "worker_class", type(server_or_worker))
    kind = kind_of(worker_class)
    if not kind:
        name = f"{worker_class.__module__}.{worker_class.__qualname__}"
        say(f"{name} is a worker class that the probe does not know: it runs as without wsgiviz")
        return None
    ring.SIDE = "asgi" if kind in ("asgi", "uvicorn") else "wsgi"
    with off_path():
        return importlib.import_module(f"{__package__}.gunicorn_hooks")


def failed(error: BaseException) -> None:
    """Say once that the probe is not in, or not whole."""
    say(f"the probe is not in: {type(error).__name__}: {error}")


def say(words: str) -> None:
    """On stderr, once for a command."""
    sys.modules["wsgiviz_site"].say_once(words)
