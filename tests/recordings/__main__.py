"""Makes the kept recordings anew: runs each scenario, and leaves out what belongs to the machine it ran on."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.recordings import NAMES, path_of
from wsgiviz.events import Event, ServerStarted, SessionOpened
from wsgiviz.log import Snapshot
from wsgiviz.log.encoder import RecordingEncoder
from wsgiviz.log.recording import open_recording

LIMIT_BYTES = 60_000

KEYFRAME_BATCHES = 400

HOST = ("cores", "usable_cores", "python", "gunicorn", "uvicorn")
"""What of the host a screen shows."""


def without_machine(event: Event) -> Event:
    """The same without paths and names of this machine."""
    if isinstance(event, ServerStarted):
        return msgspec.structs.replace(event, command=("python", *event.command[1:]))
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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            file = Path(folder) / f"{name}.wviz"
            command = [
                sys.executable,
                "-m",
                "wsgiviz",
                "run",
                "--headless",
                "--scenario",
                name,
                "--record",
                str(file),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
            made = cleaned(file)
            assert len(made) <= LIMIT_BYTES, f"{name}: {len(made)} bytes"
            path_of(name).write_bytes(made)


if __name__ == "__main__":
    main()
