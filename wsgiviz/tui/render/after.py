"""What goes on when the client is through with a request: after its answer, or for nobody."""

from __future__ import annotations

from wsgiviz.state import Request


def after_ns(request: Request, now_ns: int) -> int:
    """From when on its app worked though its client was through with it; 0 when it did not, or just closed."""
    if request.for_nobody:
        return max(request.began_ns, request.failed_ns)
    return request.received_ns if request.after_answer_ns(now_ns) else 0


def goes_on(request: Request, now_ns: int) -> bool:
    """Its client is through with it, and its app is not."""
    if not (request.received_ns or request.failed_ns) or request.ended_ns:  # most requests, most of the time
        return False
    return bool(request.began_ns) and after_ns(request, now_ns) > 0
