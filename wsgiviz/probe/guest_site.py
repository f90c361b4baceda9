"""The sitecustomize of ``wsgiviz exec``: copied under that name, and put first on the command's module path.

A person's own sitecustomize runs as ever. Then a module finder waits for the servers that the probe knows, and brings
the probe in when one of them is imported; nothing of the probe is loaded before, or in a program without a server.
It runs on every Python from 3.6 (and is written in what that one understands); whatever is wrong here is said once,
and the program runs as without it.
"""

import errno
import importlib.machinery
import importlib.util
import os
import sys

MYPY = False
if MYPY:
    from typing import Any  # not at run time: every Python of the command would load it

SITE = os.path.dirname(os.path.abspath(__file__))
GUESTS = {
    "gunicorn.arbiter": "wsgiviz.probe.guest_gunicorn",
    "uvicorn.server": "wsgiviz.probe.guest_uvicorn",
    "uvicorn.supervisors.multiprocess": "wsgiviz.probe.guest_uvicorn_master",
}
OTHERS = {
    "bjoern": "bjoern", "cheroot.cli": "cheroot", "daphne.cli": "daphne", "granian.cli": "granian",
    "hypercorn.asyncio.run": "hypercorn", "hypercorn.run": "hypercorn", "hypercorn.trio.run": "hypercorn",
    "meinheld.server": "meinheld", "waitress.runner": "waitress",
}  # fmt: skip
"""Servers that the probe does not know, by a module that is imported when they are to serve. Their packages may be
imported for other reasons, by Django for one."""


def say_once(words: str) -> None:
    """On stderr, once for a command and not for each of its processes."""
    try:
        mark = "said-" + "".join(one if "0" <= one <= "z" else "-" for one in words)[:200].replace("\\", "-")
        os.close(
            os.open(os.path.join(os.environ["WSGIVIZ_RUN_DIR"], mark), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        )
    except OSError as error:
        if error.errno != errno.ENOSPC:  # it has been said, or the directory has been removed
            return
    except Exception:
        return
    try:
        sys.stderr.write(f"wsgiviz: {words}\n")
        sys.stderr.flush()
    except Exception:
        pass


class Waiting:
    """A finder that finds what the others find, and lets the probe in when a module of GUESTS has been executed."""

    def __init__(self) -> None:
        self.looking = set()  # type: set[str]

    def find_spec(self, name: str, path: object = None, target: object = None) -> "Any":
        if name in OTHERS:
            say_once(f"{OTHERS[name]} is a server that the probe does not know: it runs as without wsgiviz")
            return None
        if name not in GUESTS or name in self.looking:
            return None
        self.looking.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.looking.discard(name)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = Letting(spec.loader, GUESTS[name])  # type: ignore[assignment]
        return spec


class Letting:
    """A module's own loader, which lets the probe in behind it."""

    def __init__(self, loader: "Any", guest: str) -> None:
        self.loader = loader
        self.guest = guest

    def __getattr__(self, name: str) -> "Any":
        return getattr(self.loader, name)

    def create_module(self, spec: "Any") -> "Any":
        return self.loader.create_module(spec)

    def exec_module(self, module: "Any") -> None:
        self.loader.exec_module(module)
        let_in(self.guest)


class Refused(Exception):
    """Why the probe does not go into this Python."""


def let_in(guest: str) -> None:
    """Import a module of the probe from SITE alone, and have it install itself."""
    before = sys.path[:]
    here = os.getcwd()
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - it is somebody else's Python
            raise Refused("the probe needs Python 3.11 or newer, and this is {}.{}".format(*sys.version_info))
        if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
            raise Refused("the probe does not know free-threaded Python")
        # Files of the app may be named like modules of the standard library.
        sys.path[:] = [SITE] + [one for one in before if one and os.path.abspath(one) not in (here, SITE)]
        module = importlib.import_module(guest)
        module.install()
    except Refused as error:
        say_once(f"not recorded: {error}")
    except Exception as error:
        say_once(f"the probe could not be put in: {type(error).__name__}: {error}")
    finally:
        sys.path[:] = before


def run_own() -> None:
    """A person's own sitecustomize, which ours stands before."""
    others = [one for one in sys.path if os.path.abspath(one or os.curdir) != SITE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    ours = sys.modules["sitecustomize"]
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules["sitecustomize"] = ours
        raise


if "WSGIVIZ_RUN_DIR" in os.environ:
    sys.modules["wsgiviz_site"] = sys.modules[__name__]
    sys.meta_path.insert(0, Waiting())
    sys.path[:] = [one for one in sys.path if os.path.abspath(one or os.curdir) != SITE]
    run_own()  # last: what it raises is shown by Python as without us
