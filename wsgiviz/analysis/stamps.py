"""The times of a request as they can be true together. Pure.

Each stamp of a request has a source of its own: the client's process, the worker's, the kernel's word on a
connection. They share one clock, and nevertheless may contradict each other: a connection that is kept alive was
accepted long before the request, a client that is busy notes late that it is connected, and a request number can be
forged. What contradicts the rest is not known here, or is set to the latest time that is possible, so that no
interval between two stamps is negative. The ledger's JSON, the distributions and the waterfall are made of these.
"""

from __future__ import annotations

from msgspec import Struct

from wsgiviz.state import Request


class Stamps(Struct, frozen=True, gc=False):
    """Times of one request, in ns, 0 where not known.

    Those of its client never fall from one to the next (planned, sent, connected, first byte, received or failed),
    nor do those of its server (accepted, began, response or returned, ended, released). It is connected before it is
    accepted, and its app begins before the first byte comes. Over a connection that was kept, it is connected before
    it is planned; and when it was accepted, which was for an earlier request, is not known.
    """

    planned_ns: int
    sent_ns: int
    connected_ns: int
    accepted_ns: int
    began_ns: int
    response_ns: int
    returned_ns: int
    ended_ns: int
    released_ns: int
    first_byte_ns: int
    received_ns: int
    failed_ns: int

    @property
    def finished_ns(self) -> int:
        return self.received_ns or self.failed_ns


def stamps(request: Request) -> Stamps:
    """The stamps of ``request``."""
    planned_ns = max(0, request.planned_ns)
    sent_ns = _no_earlier(request.sent_ns, planned_ns)
    first_ns = sent_ns or planned_ns
    received_ns = _no_earlier(request.received_ns, first_ns)
    failed_ns = _no_earlier(request.failed_ns, first_ns)
    first_byte_ns = request.first_byte_ns if first_ns <= request.first_byte_ns <= (received_ns or failed_ns) else 0
    answered_ns = first_byte_ns or received_ns
    began_ns = request.began_ns
    if began_ns < first_ns or (answered_ns and began_ns > answered_ns):
        began_ns = 0  # whoever served that, it was not this request
    accepted_ns = request.accepted_ns
    until_ns = began_ns or answered_ns
    if accepted_ns < first_ns or (until_ns and accepted_ns > until_ns):
        accepted_ns = 0  # a connection is accepted once, and serves one request after the other when it is kept alive
    connected_ns = _no_earlier(request.connected_ns, first_ns)
    if request.reused:
        connected_ns = max(0, min(request.connected_ns, first_ns))
    known = [t_ns for t_ns in (accepted_ns, began_ns, answered_ns, failed_ns) if t_ns]
    if connected_ns and known:
        connected_ns = min(connected_ns, *known)
    return Stamps(
        planned_ns, sent_ns, connected_ns, accepted_ns, began_ns, *_in_app(request, began_ns),
        first_byte_ns, received_ns, failed_ns,
    )  # fmt: skip


def latency_ns(request: Request) -> int:
    """From planned to received, by these stamps; -1 where that is not known."""
    planned_ns, received_ns = request.planned_ns, request.received_ns
    return max(received_ns, request.sent_ns, planned_ns) - planned_ns if planned_ns > 0 < received_ns else -1


def _in_app(request: Request, began_ns: int) -> tuple[int, int, int, int]:
    """response, returned, ended, released: of a request that is known to have begun then."""
    if not began_ns:
        return 0, 0, 0, 0
    ended_ns = _no_earlier(request.ended_ns, began_ns)
    response_ns, returned_ns = (
        t_ns if began_ns <= t_ns and (not ended_ns or t_ns <= ended_ns) else 0
        for t_ns in (request.response_ns, request.returned_ns)
    )
    return response_ns, returned_ns, ended_ns, _no_earlier(request.released_ns, ended_ns) if ended_ns else 0


def _no_earlier(t_ns: int, than_ns: int) -> int:
    return max(t_ns, than_ns) if t_ns > 0 else 0


def left_ns(request: Request) -> int:
    """When the answer left the app, from which it was on its way to the client: the last that the app gave for it
    (its response, its iterable, a chunk, its end) before the client had the answer. 0 where not known."""
    known = stamps(request)
    given = (known.response_ns, known.returned_ns, *request.chunks, known.ended_ns)
    until_ns = known.received_ns
    return max((t_ns for t_ns in given if known.began_ns <= t_ns <= until_ns), default=0) if known.began_ns else 0
