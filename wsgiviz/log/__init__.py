"""The log of a session, and its recording.

`EventLog` holds what happened in order of arrival, batch by batch, and the State that follows. `RecordingWriter`
writes that to a file as it grows, `open_recording` reads it, and a `Player` replays it. The file is described
in `wsgiviz.log.format`.
"""

from wsgiviz.log.event_log import EventLog
from wsgiviz.log.marks import Mark, MarkFinder, MarkType
from wsgiviz.log.pair_player import PairPlayer
from wsgiviz.log.player import Player
from wsgiviz.log.recording import Recording, open_recording
from wsgiviz.log.sink import Sink
from wsgiviz.log.snapshot import Snapshot
from wsgiviz.log.timeline import LogTimeline, Timeline
from wsgiviz.log.writer import RecordingWriter

__all__ = [
    "EventLog", "LogTimeline", "Mark", "MarkFinder", "MarkType", "PairPlayer", "Player", "Recording",
    "RecordingWriter", "Sink", "Snapshot", "Timeline", "open_recording",
]  # fmt: skip
