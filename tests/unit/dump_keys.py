"""The keys of ``wsgiviz dump --json``, as docs/dump.md has them."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "dump.md"
NO_KEYS = {"exec"}


def documented(of: str) -> set[str]:
    """Those "of a worker", and so on."""
    text = PAGE.read_text().partition("## The keys of the JSON")[2]
    entries = dict(re.findall(r"^- \*\*(.*?)\*\*(.*?)(?=^- \*\*|\Z)", text, re.MULTILINE | re.DOTALL))
    return set(re.findall(r"`([a-z_]+)`", entries[of])) - NO_KEYS
