"""The sandbox's command line: `python -m stripe_sandbox`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from stripe_sandbox.server import LOOPBACK, Sandbox

PORT = 12111


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; those of the webhook may come from the environment."""
    parser.add_argument("--host", default="127.0.0.1", help="loopback only; anything else is refused")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes any free port")
    parser.add_argument("--data", type=Path, help="the file that keeps the state (default: in memory)")
    parser.add_argument("--webhook-url", default=os.environ.get("SANDBOX_WEBHOOK_URL"))
    parser.add_argument("--webhook-secret", default=os.environ.get("SANDBOX_WEBHOOK_SECRET", "whsec_sandbox"))


def run(*, host: str, port: int, data: Path | None, webhook_url: str | None, webhook_secret: str) -> None:
    """Serve until SIGINT or SIGTERM. Raises SystemExit with a message for a host that is not loopback."""
    if host not in LOOPBACK:
        sys.exit("The payments sandbox listens on loopback only: it takes any card and knows no passwords.")
    if data is not None:
        data.parent.mkdir(parents=True, exist_ok=True)
    try:
        sandbox = Sandbox(port=port, data=data, webhook_url=webhook_url, webhook_secret=webhook_secret)
    except OSError as taken:
        sys.exit(f"Port {port} can't be used: {taken.strerror}.")
    # Blocked before the threads start, so that the signals wait for sigwait alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sandbox.start()
    sys.stdout.write(f"Payments sandbox at {sandbox.url} (no real money)\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    sandbox.stop()


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m stripe_sandbox", description=__doc__)
    add_arguments(parser)
    run(**vars(parser.parse_args(arguments)))
