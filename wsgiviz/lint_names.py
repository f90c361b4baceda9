"""Names of all lints, in the order in which they matter. The lints themselves are in `wsgiviz.analysis.lints`.

They stand here because ``--silence`` has to know them, and settings sit below the State that lints look at.
"""

from __future__ import annotations

NAMES = (
    "worker-timeout",
    "worker-died",
    "self-call",
    "nested-event-loop",
    "more-processes-than-cores",
    "uneven-loops",
    "async-computes",
    "loop-held",
    "waiting-in-line",
    "accept-queue-overflow",
    "gil-contention",
    "silent-client",
    "lingering-client",
    "slow-client",
    "threads-exhausted",
    "limiter-exhausted",
    "executor-exhausted",
    "own-executor-exhausted",
    "processes-exhausted",
    "one-thread-for-all",
    "all-workers-blocked",
    "served-for-nobody",
    "syn-retransmission",
    "driver-bottleneck",
    "closed-loop",
)
"""First what ends requests, then what holds all of them up, then the rest."""
