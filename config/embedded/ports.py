"""Ports of local servers: remembered in the folder of each, so that they stay the same."""

import contextlib
import socket
from pathlib import Path


def remembered(folder: Path) -> int:
    """Return the port remembered in the folder, or 0."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((folder / "port").read_text())
    return 0


def free(preferred: int) -> int:
    """Return the preferred port if it is free, else any free one. Raises RuntimeError if there is none."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # our own last server has just left it
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise RuntimeError("No free port on 127.0.0.1")
