"""A person's own uvicorn, under ``wsgiviz exec``: the process that serves, whoever has started it.

Where there is no supervisor, no process stands for a master: the ring of the one worker is all there is.
"""

from __future__ import annotations

from typing import Any

from wsgiviz.probe import ring
from wsgiviz.probe.app_folder import off_path
from wsgiviz.probe.saying import harmless, known_uvicorn

_process: Any = None  # the ServingProcess of this process; gunicorn's hooks may have made it


def install() -> None:
    """Round `Config.load`, `Server.startup` and its end. Nothing else is done before a server serves."""
    from uvicorn.config import Config
    from uvicorn.server import Server

    if not known_uvicorn():
        return
    with off_path():
        from wsgiviz.probe.uvicorn_server import watch_startup

    load, shutdown, handle_exit = Config.load, Server.shutdown, Server.handle_exit
    load_app = getattr(Config, "load_app", None)  # older ones load the app in `load` alone

    def observed_load_app(self: Any) -> Any:
        harmless(_begin, self)
        return load_app(self)  # type: ignore[misc]

    def observed_load(self: Any) -> None:
        harmless(_begin, self)
        load(self)
        harmless(_wrap, self)

    async def observed_shutdown(self: Any, *rest: Any, **named: Any) -> None:
        await shutdown(self, *rest, **named)
        if _process is not None:
            harmless(_process.emit.worker_exited, int(not self.should_exit))

    def observed_handle_exit(self: Any, number: int, frame: Any) -> None:
        if _process is not None:
            harmless(_process.emit.worker_stopping, int(number))
        handle_exit(self, number, frame)

    Config.load = observed_load  # type: ignore[method-assign]
    if load_app is not None:
        Config.load_app = observed_load_app  # type: ignore[method-assign]
    Server.shutdown, Server.handle_exit = observed_shutdown, observed_handle_exit  # type: ignore[method-assign,assignment]
    watch_startup(Server, lambda: _process, harmless)


def serve_with(process: Any) -> None:
    """gunicorn's hooks have made this process's ring."""
    global _process
    _process = process


def _begin(config: Any) -> None:
    global _process
    if _process is None:
        from wsgiviz.probe.uvicorn_server import begin_serving

        ring.SIDE = ring.SIDE or "asgi"
        _process = begin_serving(config.app if isinstance(config.app, str) else "__main__")


def _wrap(config: Any) -> None:
    if _process is not None and _process.emit.memory is not None:
        config.loaded_app = _process.wrap(config.loaded_app, config.http_protocol_class)
