"""The terminal program on servers that somebody else runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from wsgiviz.printable import printable
from wsgiviz.tui.app import WsgivizApp, show
from wsgiviz.tui.attached_feed import AttachedFeed


def run_attached(
    directories: Sequence[Path], ascii: bool = False, record: str | None = None, redact: bool = False
) -> int:
    """Show the servers that record in ``directories`` until the person quits; they do not notice. Gives the status.

    ``record``: a file to which everything is written meanwhile. Raises WsgivizError when that can't be.
    """
    feed = AttachedFeed(directories, record, redact)
    status = show(WsgivizApp(feed, ascii=ascii), feed)
    if record is not None:
        print(f"wsgiviz: {printable(feed.problem or f'recorded to {record}')}", file=sys.stderr)
    return status
