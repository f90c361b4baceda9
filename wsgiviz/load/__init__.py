"""The load driver: a process of its own that sends the requests."""

import sys

# httpx's own command, which it loads where it can, with rich and pygments: a third of what the driver needs to start.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
