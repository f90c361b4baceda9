"""httpx without its own command: that loads rich and pygments, a third of what the driver needs to start."""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
