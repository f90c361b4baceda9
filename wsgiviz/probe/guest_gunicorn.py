"""A person's own gunicorn, under ``wsgiviz exec``: our hooks beside its own, whatever it was configured with."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

HOOKS = (
    "on_starting", "when_ready", "nworkers_changed", "child_exit", "on_exit",
    "post_fork", "post_worker_init", "worker_int", "worker_abort", "worker_exit",
)  # fmt: skip


def install() -> None:
    """Round gunicorn's `Arbiter.setup`, which it calls when it starts, and again when it reloads."""
    from gunicorn.arbiter import Arbiter

    setup = Arbiter.setup

    def observed_setup(self: Any, app: Any) -> None:
        try:
            _add_hooks(app.cfg)
        except Exception as error:  # noqa: BLE001 - the server runs as without us
            failed(error)
        setup(self, app)

    Arbiter.setup = observed_setup


def _add_hooks(cfg: Any) -> None:
    os.environ.setdefault("WSGIVIZ_SIDE", side_of(cfg.worker_class_str))
    from wsgiviz.probe import gunicorn_hooks
    from wsgiviz.probe.conf_chain import both

    for name in HOOKS:
        cfg.set(name, both(name, harmless(getattr(gunicorn_hooks, name)), getattr(cfg, name)))


def harmless(hook: Callable[..., None]) -> Callable[..., None]:
    """The same, but that nothing comes of its faults."""

    @functools.wraps(hook)  # gunicorn looks at the signature
    def caught(*args: Any) -> None:
        try:
            hook(*args)
        except Exception as error:  # noqa: BLE001
            failed(error)

    return caught


def side_of(worker_class: str) -> str:
    """The side that a worker class serves: it speaks ASGI, or else WSGI."""
    name = worker_class.lower()
    return "asgi" if "asgi" in name or "uvicorn" in name else "wsgi"


def failed(error: BaseException) -> None:
    """Say once that the probe is not in, or not whole."""
    sys.modules["wsgiviz_site"].say_once(f"the probe is not in: {type(error).__name__}: {error}")
