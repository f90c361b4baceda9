"""Makes the kept recordings anew: runs each scenario, and leaves out what belongs to the machine it ran on."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.recordings import NAMES, RUNS, path_of
from wsgiviz.events import Event, ServerStarted, SessionOpened
from wsgiviz.log import Snapshot
from wsgiviz.log.encoder import RecordingEncoder
from wsgiviz.log.recording import open_recording
from wsgiviz.report.record_lessons import without_paths

LIMIT_BYTES = 80_000

KEYFRAME_BATCHES = 400

RUN_S = 180.0
"""So long a run may take, its servers' start and end included."""

HOST = ("cores", "usable_cores", "python", "gunicorn", "uvicorn")
"""What of the host a screen shows."""

RUN_DIRECTORY = re.compile(r"(/[\w.-]+)+/wsgiviz-\d+-\w+")


def without_machine(event: Event) -> Event:
    """The same without paths and names of this machine."""
    event = without_paths(event)
    if isinstance(event, ServerStarted):
        return msgspec.structs.replace(event, command=tuple(RUN_DIRECTORY.sub("RUN", word) for word in event.command))
    if isinstance(event, SessionOpened):
        return msgspec.structs.replace(event, host={key: event.host[key] for key in HOST if key in event.host})
    return event


def cleaned(path: Path) -> bytes:
    recording, encoder, snapshot = open_recording(str(path)), RecordingEncoder(), Snapshot()
    made = [encoder.opening()]
    for number in range(recording.end):
        batch = tuple(map(without_machine, recording.batch(number)))
        snapshot = snapshot.after(batch)
        made.append(encoder.add(batch))
        if (number + 1) % KEYFRAME_BATCHES == 0:
            made += [encoder.flush(), *encoder.keyframe(snapshot)]
    recording.close()
    return b"".join([*made, encoder.end()])


def main(names: Sequence[str] = ()) -> None:
    """Run these, or all, one after the other. A run that fails leaves its old recording, and ends the program."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names or NAMES:
            file = Path(folder) / f"{name}.wviz"
            command = [sys.executable, "-m", "wsgiviz", "run", "--headless", *RUNS[name], "--record", str(file)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=RUN_S)
            made = cleaned(file)
            print(f"{len(made) / 1e3:8.1f} kB  {name}", flush=True)
            if len(made) > LIMIT_BYTES:
                raise SystemExit(f"{name}: that is more than {LIMIT_BYTES / 1e3:g} kB")
            path_of(name).write_bytes(made)


if __name__ == "__main__":
    main(sys.argv[1:])
