"""httpx without its own command, which it loads where it can, with rich and pygments: a third of the driver's start."""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
