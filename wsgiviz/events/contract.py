"""One request in slow motion."""

from __future__ import annotations

from wsgiviz.events.event import Event


class ContractStep(Event, frozen=True, tag=95):
    """A step between server and app. ``step``: a number of `wsgiviz.recorder.contract_steps.Passed`; ``value``: what
    is passed, as Python writes it, in ASCII and cut short. Emitted only where steps are followed
    (`wsgiviz.scenarios.Scenario.follow_steps`)."""

    req: int
    step: int
    value: str
