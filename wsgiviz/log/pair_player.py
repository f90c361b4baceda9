"""Two timelines on one axis: one playhead that moves over both, counted from where the run of each began."""

from __future__ import annotations

from wsgiviz.log.player import LEAD_NS, PlayClock, Player


class PairPlayer(PlayClock):
    """Moves ``players`` together. ``zeros`` are the times in each that the axis calls 0: ``now_ns`` counts from them.

    A step is the next event of either of them.
    """

    def __init__(self, players: tuple[Player, Player], zeros: tuple[int, int]) -> None:
        super().__init__()
        self.players = players
        self._zeros = zeros
        self.restart()

    @property
    def start_ns(self) -> int:
        return -LEAD_NS

    @property
    def end_ns(self) -> int:
        return max(player.end_ns - zero for player, zero in self._both())

    @property
    def ended(self) -> bool:
        return all(player.ended for player in self.players)

    @property
    def event(self) -> int:
        """How many events there are before the playhead, in both."""
        return sum(player.event for player in self.players)

    def restart(self) -> None:
        self.seek(self.start_ns)

    def _play(self, by_ns: int) -> None:
        self.now_ns = min(self.now_ns + by_ns, self.end_ns)
        for player, zero in self._both():
            player.play_to(zero + self.now_ns)
        if self.ended and not self.loop:
            self.pause()

    def seek(self, t_ns: int) -> None:
        """Move the playhead to a time on the axis; the nearest that there is."""
        self._cut()
        self.now_ns = max(self.start_ns, min(t_ns, self.end_ns))
        for player, zero in self._both():
            player.seek(zero + self.now_ns)

    def step(self, by: int = 1) -> None:
        """Pause, and move the playhead by so many events of both, back when that is negative."""
        self.pause()
        for _ in range(abs(by)):
            self._step_once(1 if by > 0 else -1)
        self.now_ns = max(player.event_ns - zero for player, zero in self._both())

    def _step_once(self, by: int) -> None:
        """The player moves whose next event comes first on the axis; back, that whose newest one came last."""
        found = []
        for index, (player, zero) in enumerate(self._both()):
            at_ns = player.next_ns if by > 0 else player.event_ns if player.event else None
            if at_ns is not None:
                found.append((at_ns - zero, index))
        if found:
            index = (min(found) if by > 0 else max(found))[1]
            self.players[index].step(by)

    def _both(self) -> list[tuple[Player, int]]:
        return list(zip(self.players, self._zeros, strict=True))
