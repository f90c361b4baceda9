"""``python -m screenshots.make [NAME ...]``: all pictures of the README and the docs, from kept recordings.

``--record`` makes the recordings anew before, on real servers. ``--into`` writes to another folder. The same
recordings give the same files, byte by byte.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from screenshots import animation
from screenshots.picture import png_of
from screenshots.shots import LESSON_SHOTS, SHOTS, take, take_lesson
from tests.recordings.__main__ import main as record

HERE = Path(__file__).parent
CELL_WIDTH = 12
"""Pixels of a picture for each column of its screen."""

RUN = "run"
"""The name of the animated picture."""


async def make(names: Sequence[str], folder: Path) -> None:
    """Write those pictures, or all."""
    for shot in SHOTS:
        if not names or shot.name in names:
            write(folder / f"{shot.name}.png", png_of(await take(shot), shot.size[0] * CELL_WIDTH))
    if not names or set(names) & set(LESSON_SHOTS):
        async for name, svg in take_lesson():
            write(folder / f"{name}.png", png_of(svg, 120 * CELL_WIDTH))
    if not names or RUN in names:
        made = await animation.gif()
        if len(made) > animation.LIMIT_BYTES:
            raise SystemExit(f"the animated picture has {len(made)} bytes, and may have {animation.LIMIT_BYTES}")
        write(folder / f"{RUN}.gif", made)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    print(f"{len(content) / 1e3:8.1f} kB  {path.name}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("screenshots.make", description="Make the pictures of README and docs.")
    known = [*(shot.name for shot in SHOTS), *LESSON_SHOTS, RUN]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"by default all: {', '.join(known)}")
    parser.add_argument("--record", action="store_true", help="make the recordings anew before, on real servers")
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER", help="write the pictures there")
    given = parser.parse_args()
    if unknown := set(given.names) - set(known):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    os.environ.pop("NO_COLOR", None)
    if given.record:
        record()
    asyncio.run(make(given.names, given.into))


if __name__ == "__main__":
    main()
