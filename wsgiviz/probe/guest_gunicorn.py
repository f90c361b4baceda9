"""A person's own gunicorn, under ``wsgiviz exec``: our hooks beside its own, whatever it was configured with."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from wsgiviz.probe.app_folder import off_path
from wsgiviz.probe.conf_chain import OURS_LAST
from wsgiviz.probe.saying import failed, known, known_uvicorn, say
from wsgiviz.probe.worker_kinds import kind_of

HOOKS = (
    "on_starting", "when_ready", "nworkers_changed", "child_exit", "on_exit",
    "post_fork", "post_worker_init", "worker_int", "worker_abort", "worker_exit",
)  # fmt: skip


def install() -> None:
    """Where gunicorn's Arbiter is given its configuration: when it starts, and again when it reloads."""
    import gunicorn
    from gunicorn.arbiter import Arbiter

    if known("gunicorn", gunicorn.__version__):
        Arbiter.cfg = Attribute("cfg", _add_hooks)
        Arbiter.worker_class = Attribute("worker_class", _before_preload)


class Attribute:
    """An attribute of an Arbiter; ``noted`` is called when it has been set, with the Arbiter and the value.

    (A function round `Arbiter.setup` would be seen in the traceback of an app that can't be preloaded.)
    """

    def __init__(self, name: str, noted: Callable[[Any, Any], None]) -> None:
        self._name = name
        self._noted = noted

    def __get__(self, arbiter: Any, owner: type) -> Any:
        if arbiter is None:
            return self
        try:
            return arbiter.__dict__[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, arbiter: Any, value: Any) -> None:
        arbiter.__dict__[self._name] = value
        try:
            self._noted(arbiter, value)
        except Exception as error:  # noqa: BLE001 - the server runs as without us
            failed(error)


def _add_hooks(arbiter: Any, cfg: Any) -> None:
    for name in HOOKS:
        cfg.set(name, _both(name, getattr(cfg, name)))


def _before_preload(arbiter: Any, worker_class: Any) -> None:
    """The app is loaded next, where the master does it. (When it reloads, it is there already.)"""
    if arbiter.cfg.preload_app and not arbiter.__dict__.get("pid"):
        hooks = _hooks(arbiter)
        if hooks is not None:
            hooks.preloading(arbiter)


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
    if kind == "uvicorn" and not known_uvicorn():
        return None
    if not kind:
        name = f"{worker_class.__module__}.{worker_class.__qualname__}"
        say(f"{name} is a worker class that the probe does not know: it runs as without wsgiviz")
        return None
    with off_path():
        ring: Any = importlib.import_module(f"{__package__}.ring")
        ring.SIDE = "asgi" if kind in ("asgi", "uvicorn") else "wsgi"
        return importlib.import_module(f"{__package__}.gunicorn_hooks")
