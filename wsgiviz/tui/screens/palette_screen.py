"""Textual's command palette, in the characters and colours of our other screens."""

from __future__ import annotations

from textual.command import CommandPalette, SearchIcon

PLACEHOLDER = "an action, a scenario, a lesson or a theme"


class PaletteScreen(CommandPalette):
    """With ``ascii_only`` its sign, its borders and what it says while it searches are ASCII."""

    DEFAULT_CSS = """
    PaletteScreen > .command-palette--help-text { color: $foreground; text-style: not bold not dim; }
    PaletteScreen #--input { border: hkey $foreground 50%; border-title-align: right; }
    PaletteScreen #--input { border-title-color: $foreground; }
    PaletteScreen CommandInput > .input--placeholder { color: $foreground; }
    PaletteScreen CommandList > .option-list--option-highlighted { background: $foreground 15%; color: $foreground; }
    PaletteScreen SearchIcon { color: $foreground; }
    PaletteScreen.ascii #--input { border: ascii $foreground 50%; }
    PaletteScreen.ascii CommandList { border: ascii $foreground 50%; scrollbar-size: 0 0; }
    PaletteScreen.ascii CommandList.--populating { border: ascii $foreground 50%; }
    PaletteScreen.ascii LoadingIndicator.--visible { visibility: hidden; border: none; }
    """

    def __init__(self, ascii_only: bool) -> None:
        super().__init__(placeholder=PLACEHOLDER, id="--command-palette")  # by this name Textual knows it is open
        self._ascii_only = ascii_only

    def on_mount(self) -> None:
        self.set_class(self._ascii_only, "ascii")
        self.query_one("#--input").border_title = "enter choose  escape back"
        if self._ascii_only:
            self.query_one(SearchIcon).icon = ">"
