"""`python -m local`: the declared stack on this machine, with one photo sent through it."""

import argparse
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import uvicorn

from .cloud import MissingError
from .environments import Environments
from .jobs import jobs
from .program import declared, deployment
from .server import application

NEW_ACCOUNT = 10
"""Concurrent executions of a new AWS account, for a stack that reserves none."""


def main() -> None:
    options = _options()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # nothing here may reach the developer's own account
    listener = _listen(options.port)
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    resources = declared()
    stack = deployment(resources)
    # Logs and embedded metrics are for CloudWatch; here faults alone are worth the screen.
    quiet = {"POWERTOOLS_METRICS_DISABLED": "true", "LOG_LEVEL": options.log_level}
    environment = stack.environment | quiet
    with ExitStack() as running:
        try:
            environment |= running.enter_context(jobs(resources, quiet))
        except MissingError as missing:
            print(f"Without jobs: {missing}.", file=sys.stderr)
            del environment["JOBS_BUCKET"]
        function = running.enter_context(
            Environments(
                environment,
                memory=stack.memory,
                timeout=stack.timeout,
                concurrency=stack.concurrency or NEW_ACCOUNT,
            )
        )
        server = uvicorn.Server(
            uvicorn.Config(application(stack, function), log_level="warning", lifespan="off")
        )
        print(f"ArtLine serves at {endpoint} until Ctrl-C.", flush=True)
        if options.photo:
            threading.Thread(target=_draw, args=(endpoint, options.photo), daemon=True).start()
        with suppress(KeyboardInterrupt):  # which uvicorn passes on once it has stopped
            server.run(sockets=[listener])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--photo", type=Path, help="a photo to draw once, into out/")
    parser.add_argument("--log-level", default=os.environ.get("LOG_LEVEL", "ERROR"))
    return parser.parse_args()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        sys.exit(f"Port {port} cannot be had ({error}): set another, as in PORT=8081 make run.")


def _draw(endpoint: str, photo: Path) -> None:
    """Sends `photo` with the client, just as its user would."""
    command = ["-m", "artline", str(photo), "-o", "out", "--endpoint", endpoint]
    subprocess.run([sys.executable, *command], check=False)


if __name__ == "__main__":
    main()
