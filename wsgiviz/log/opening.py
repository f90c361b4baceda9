"""How a recording is opened to be read: what it is, before anything of it is."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, BinaryIO

from wsgiviz.errors import UsageError
from wsgiviz.log.format import FIRST_LINE, FORMAT, PROGRAM, BlockType, Damaged, inflate
from wsgiviz.log.scan import FileBlock, read_block

HINT = "a recording is made with wsgiviz run --record FILE"


def open_file(path: Path) -> BinaryIO:
    """A regular file, open; does not wait for a FIFO's other end. Raises UsageError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}", HINT) from error
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        os.close(file)
        raise UsageError(f"{path} is {'a directory' if stat.S_ISDIR(mode) else 'no regular file'}", HINT)
    return os.fdopen(file, "rb")


def read_opening(path: Path, file: BinaryIO) -> dict[str, Any]:
    """What the recording says of itself. Its first line and its first block both name the format; one may be damaged.

    Raises UsageError when it is no recording, or one of a newer format.
    """
    line = file.readline(len(PROGRAM) + 16)
    block = read_block(file, len(FIRST_LINE))
    content = _content(file, block) if block is not None and block.header.type == BlockType.OPENING else {}
    found = content.get("format")
    if not isinstance(found, int):
        match = re.fullmatch(re.escape(PROGRAM) + rb"(\d{1,9})\n", line)
        if match is None:
            raise UsageError(f"{path} is {'not a wsgiviz recording' if line else 'empty'}", HINT)
        found = int(match[1])
    if found > FORMAT:
        newer = f"{path} was made by a newer wsgiviz: its format is {found}, and this version reads {FORMAT}"
        raise UsageError(newer, "replay it with the version that made it, or a later one")
    return content


def _content(file: BinaryIO, block: FileBlock) -> dict[str, Any]:
    file.seek(block.payload_at)
    try:
        content = json.loads(inflate(block.header, file.read(block.header.length)))
    except (Damaged, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
