"""The animated picture at the top of the README: one run as it went, and its verdict."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

from PIL import Image

from screenshots.picture import image_of, svg_of
from screenshots.standing import Standing, StandingApp, drawn, shown
from tests.recordings import path_of

RECORDING = "sleep"
SIZE = (120, 36)
WIDTH = 1200
FRAME_S = 0.1
BEFORE_S, AFTER_S = 0.6, 6.0
"""So long the first frame and the last one stay."""
COLOURS = 128
LIMIT_BYTES = 1_500_000


async def frames() -> AsyncIterator[tuple[str, float]]:
    """Each as SVG, with the seconds for which it is shown: the run takes as long as it took."""
    feed = Standing(path_of(RECORDING))
    feed.to(0.0)  # before the app draws for the first time: a pane remembers what it has drawn
    app = StandingApp(feed)
    try:
        async with shown(app, SIZE) as pilot:
            yield svg_of(app, "wsgiviz"), BEFORE_S
            for number in range(1, int(feed.seconds / FRAME_S) + 1):
                feed.to(number * FRAME_S)
                await drawn(app, pilot)
                yield svg_of(app, "wsgiviz"), FRAME_S
            feed.to_end()
            await drawn(app, pilot)
            yield svg_of(app, "wsgiviz"), AFTER_S
    finally:
        feed.close()


async def gif() -> bytes:
    """In one palette, and each frame as what differs from the one before; it begins again at its end."""
    images, lasts_s = [], []
    async for svg, seconds in frames():
        images.append(image_of(svg, WIDTH))
        lasts_s.append(seconds)
    palette = _palette(images)
    flat = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    made = io.BytesIO()
    durations_ms = [round(seconds * 1000) for seconds in lasts_s]
    flat[0].save(
        made, "GIF", save_all=True, append_images=flat[1:], duration=durations_ms, loop=0, optimize=True, disposal=1
    )
    return made.getvalue()


def _palette(images: list[Image.Image]) -> Image.Image:
    """The colours of all: those of the first, the middle and the last are all that there are."""
    some = [images[0], images[len(images) // 2], images[-1]]
    width, height = some[0].size
    together = Image.new("RGB", (width, height * len(some)))
    for number, image in enumerate(some):
        together.paste(image, (0, number * height))
    return together.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
