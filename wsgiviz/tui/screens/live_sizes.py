"""How the live screen shares out its lines, and how often its parts change."""

NARROW = 80
ONE_LINE = 110
"""A caption has up to 200 characters or so: below this width it takes two lines."""

SHORT = 34
"""Below this height the code is hidden, for the panes' sake."""

TALL = 34
"""From this height on there is room for what explains the sentence."""

FRAME = 8
"""Lines round the panes: header, sentence and keys, and blanks between them."""

CODE = 9
"""Lines of the code, where it is shown."""

PANES_BESIDE_CODE = 15
"""Lines of a pane beside a longer code."""

PANES_BESIDE_STEPS = 9
"""Lines of a pane at least, where the steps of a request are followed below it."""

HIGHEST_BESIDE_STEPS = 20

STEPS = 16
"""Lines that the steps of a request with three chunks take, heading and a value or two in two lines with them."""

AROUND_STEPS = 4
"""Header, sentence and keys, without blanks between them."""

AROUND_STEPS_ON_STAGE = 8
"""With blanks, and one line of code."""

ZOOMS = (1.0, 2.0, 4.0, 8.0, 16.0)

CLOCK_S = 0.2
"""The header's clock shows tenths of a second, and changes with them; and so often where these come seldom. Sentence
and code need not change more often either."""

COUNT_S = 0.3
"""How many requests are at a line may change in every frame, and nobody reads it so often."""


def beside_steps(size: tuple[int, int], bars: int, code: int, stage: bool) -> tuple[int, int] | None:
    """Lines of the panes and of the code where steps are followed, on a screen of that size with so many lines of
    bars: first the steps get theirs, then the function its ``code`` lines (0: hidden), then the panes what is left,
    for lanes and digits. None where there is little room for all."""
    width, height = size
    if width < NARROW or height < SHORT:
        return None
    if stage:
        left = height - AROUND_STEPS_ON_STAGE - STEPS - bars
        return max(PANES_BESIDE_STEPS + 1, min(HIGHEST_BESIDE_STEPS, left)), 1
    left = height - AROUND_STEPS - STEPS - bars
    code = max(CODE, min(code, left - PANES_BESIDE_STEPS)) if code else 0
    return max(PANES_BESIDE_STEPS, min(HIGHEST_BESIDE_STEPS, left - code)), code
