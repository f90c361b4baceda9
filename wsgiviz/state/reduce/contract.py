"""The steps of requests, where a server reports them."""

from __future__ import annotations

from msgspec.structs import replace

from wsgiviz.events import ContractStep
from wsgiviz.recorder.contract_steps import Passed
from wsgiviz.state.contract_entry import CONTRACT_KEPT, LONGEST_VALUE, ContractEntry
from wsgiviz.state.reduce.draft import Handlers, SideDraft

KNOWN = {int(passed): passed for passed in Passed}


def _step(side: SideDraft, event: ContractStep) -> None:
    passed = KNOWN.get(event.step)
    if passed is None or not side.of_this_run(event.req):
        return
    entry = ContractEntry(event.t_ns, event.req, passed, event.value[:LONGEST_VALUE])
    side.run = replace(side.run, contract=(*side.run.contract, entry)[-CONTRACT_KEPT:])


HANDLERS: Handlers = {ContractStep: _step}
