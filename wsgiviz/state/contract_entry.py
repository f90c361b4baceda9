"""A step between a server and its app."""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.recorder.contract_steps import Passed

CONTRACT_KEPT = 64
"""Steps kept of each run, the newest."""

LONGEST_VALUE = 200
"""Characters kept of a value."""


class ContractEntry(Struct, frozen=True, gc=False):
    """What was passed at a step of request ``req``, and when. ``value`` may come from an app: escape it."""

    t_ns: int
    req: int
    passed: Passed
    value: str = ""
