"""Which of gunicorn's worker classes the probe knows, subclasses of a person's own included."""

from __future__ import annotations

KINDS = {
    "gunicorn.workers.gthread.ThreadWorker": "gthread",
    "gunicorn.workers.ggevent.GeventWorker": "gevent",
    "gunicorn.workers.gasgi.ASGIWorker": "asgi",
    "gunicorn.workers.sync.SyncWorker": "sync",
    "uvicorn.workers.UvicornWorker": "uvicorn",
    "uvicorn_worker._workers.UvicornWorker": "uvicorn",
}


def kind_of(worker_class: type) -> str:
    """The kind of server that a class of workers is, by the classes that it is made from; "" when it is unknown."""
    names = (f"{base.__module__}.{base.__qualname__}" for base in worker_class.__mro__)
    return next((KINDS[name] for name in names if name in KINDS), "")
