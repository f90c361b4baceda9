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

ZOOMS = (1.0, 2.0, 4.0, 8.0, 16.0)

CLOCK_S = 0.2
"""The header's clock shows tenths of a second, and changes with them; and so often where these come seldom. Sentence
and code need not change more often either."""

COUNT_S = 0.3
"""How many requests are at a line may change in every frame, and nobody reads it so often."""
