"""What a process under ``wsgiviz exec`` says on stderr: each thing once for a command."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

from wsgiviz.probe.known_servers import knows


def say(words: str) -> None:
    """On stderr, if no process of the command has said it. A server of our own has it in its log."""
    site = sys.modules.get("wsgiviz_site")
    if site is not None:
        site.say_once(words)
    else:
        print(f"wsgiviz: {words}", file=sys.stderr, flush=True)


def failed(error: BaseException) -> None:
    """Say that the probe is not in, or not whole."""
    say(f"the probe is not in: {type(error).__name__}: {error}")


def harmless(call: Callable[..., object], *args: object) -> None:
    """Call it, and let nothing come of its faults: the server runs as without us."""
    try:
        call(*args)
    except Exception as error:  # noqa: BLE001
        failed(error)


def known(package: str, version: str) -> bool:
    """Whether the probe knows that version; if not, it is said."""
    if knows(package, version):
        return True
    say(f"{package} {version} is a version that the probe does not know: it runs as without wsgiviz")
    return False


def known_uvicorn() -> bool:
    """Whether the probe knows this uvicorn. (While it is imported, it has no __version__ yet.)"""
    metadata = importlib.import_module("importlib.metadata")
    try:
        version = metadata.version("uvicorn")
    except metadata.PackageNotFoundError:  # a copy of somebody's own
        version = ""
    return known("uvicorn", version)
