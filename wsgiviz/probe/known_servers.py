"""Versions of servers that the probe knows. (``make versions`` tries them.)"""

from __future__ import annotations

GUNICORNS = range(22, 28)
"""Major versions of gunicorn."""

UVICORNS = ((0, 30), (1, 0))
"""The first version of uvicorn that the probe knows, and the first that it does not. (Before 0.30 uvicorn had another
supervisor.)"""


def numbers(version: str) -> tuple[int, ...]:
    """The numbers in a version, as (23, 0, 0)."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def knows(package: str, version: str) -> bool:
    """Whether the probe knows this gunicorn or uvicorn. One whose version says nothing is taken for a known one."""
    found = numbers(version)
    if not found:
        return True
    if package == "gunicorn":
        return found[0] in GUNICORNS
    first, end = UVICORNS
    return first <= found[:2] < end
