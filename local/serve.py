"""The declared stack on this machine, with one photo sent through it."""

import argparse
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import uvicorn
import yaml  # type: ignore[import-untyped]

from .cloud import LOOPBACK, MissingError, url
from .environments import Environments
from .jobs import AfterSetup, jobs, nothing
from .program import PROJECT, SettingsError, declared, deployment
from .server import application

ROOT: Final = Path(__file__).parents[1]

NEW_ACCOUNT: Final = 10
"""Concurrent executions of a new AWS account, for a stack that reserves none."""

PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""Variables that would send requests from one part of this machine to another through a proxy."""

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104
"""Hosts that stand for all addresses of this machine."""

INTERRUPTED: Final = 130


def main() -> None:
    options = _options()
    _clean_environment()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _serve(options)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(*_: object) -> None:
    """SIGTERM, with everything that was started ended first."""
    sys.exit(0)


def _serve(options: argparse.Namespace) -> None:
    config = _config(options.stack) if options.stack else {}
    listener = _listen(options.host, options.port)
    host, port = _reachable(options.host), listener.getsockname()[1]
    try:
        resources = declared(config)
        stack = deployment(resources)
    except SettingsError as error:
        sys.exit(f"{options.stack or 'The default settings'}: {error}")
    # Logs and embedded metrics are for CloudWatch; here faults alone are worth the screen.
    quiet = {"POWERTOOLS_METRICS_DISABLED": "true", "LOG_LEVEL": options.log_level}
    environment = stack.environment | quiet
    with ExitStack() as running:
        try:
            variables, ready = running.enter_context(jobs(resources, quiet, host))
            environment |= variables
        except MissingError as missing:
            print(f"Without jobs: {missing}.", file=sys.stderr)
            environment.pop("JOBS_BUCKET", None)
            ready = nothing
        if "API_TOKEN_PARAMETER" in environment and "AWS_ENDPOINT_URL" not in environment:
            sys.exit(
                "auth: token reads the token from the emulated SSM, which runs only with jobs: set"
                " jobs to true, or auth to none."
            )
        function = running.enter_context(
            Environments(
                environment,
                memory=stack.memory,
                timeout=stack.timeout,
                concurrency=stack.concurrency or NEW_ACCOUNT,
            )
        )
        api = application(stack, AfterSetup(function, ready))
        server = uvicorn.Server(uvicorn.Config(api, log_level="warning", lifespan="off"))
        here = url(LOOPBACK if options.host in EVERYWHERE else host, port)
        print(f"ArtLine serves at {url(host, port)} until Ctrl-C.", flush=True)
        if options.photo:
            threading.Thread(target=_draw, args=(here, options.photo), daemon=True).start()
        with suppress(KeyboardInterrupt):  # which uvicorn passes on once it has stopped
            server.run(sockets=[listener])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="0.0.0.0 serves the whole network")
    add("--port", type=int, default=8080, help="0 chooses a free one")
    add("--photo", type=_photo, help="a photo to draw once, into out/")
    add("--stack", metavar="NAME", help="with the settings of Pulumi.NAME.yaml")
    add("--log-level", default=os.environ.get("LOG_LEVEL", "ERROR"), type=_log_level)
    return parser.parse_args()


def _photo(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        sys.exit(f"There is no photo {text!r}: name one, as in make run PHOTO=samples/cat.jpg.")
    return path


def _log_level(text: str) -> str:
    """The level, or the default one where the word is another program's."""
    level = text.upper()
    if level in logging.getLevelNamesMapping():
        return level
    print(f"LOG_LEVEL={text} is no level of logging: errors alone are shown.", file=sys.stderr)
    return "ERROR"


def _clean_environment() -> None:
    """Nothing here may reach the developer's own account, or take the way through a proxy."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.upper() in PROXIES:
            del os.environ[name]


def _config(stack: str) -> Mapping[str, str]:
    """The settings of a stack's file. The token, which is secret there, is `ARTLINE_TOKEN`'s."""
    path = ROOT / f"Pulumi.{stack}.yaml"
    try:
        document = yaml.safe_load(path.read_text("utf-8")) or {}
    except OSError as error:
        sys.exit(f"{path.name} cannot be read: {error.strerror}. STACK is the name of a stack.")
    except yaml.YAMLError as error:
        sys.exit(f"{path.name} is no YAML: {error}")
    settings = {str(key): value for key, value in (document.get("config") or {}).items()}
    token = f"{PROJECT}:apiToken"
    auth = str(settings.get(f"{PROJECT}:auth", "none"))
    if auth == "iam":
        sys.exit(f"{path.name} has auth: iam, and AWS alone can check signatures.")
    # What is encrypted cannot be read here, and nothing but the token changes how it answers.
    settings = {
        key: value
        for key, value in settings.items()
        if key != token and not (isinstance(value, dict) and value.keys() == {"secure"})
    }
    if auth == "token":
        settings[token] = os.environ.get("ARTLINE_TOKEN", "").strip()
        if not settings[token]:
            sys.exit(
                f"{path.name} has auth: token: set ARTLINE_TOKEN to the token that callers send."
            )
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in settings.items()
    }


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except (OSError, OverflowError) as error:
        sys.exit(
            f"Cannot listen on {host}:{port} ({error}): choose another port, as in"
            " make run PORT=8081."
        )


def _reachable(host: str) -> str:
    """Where others reach this: `0.0.0.0` is no address to go to."""
    if host not in EVERYWHERE:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing, and says which way it would go
        return str(probe.getsockname()[0])
    return LOOPBACK


def _draw(endpoint: str, photo: Path) -> None:
    """Sends `photo` with the client, just as its user would."""
    command = ["-m", "artline", str(photo), "-o", "out", "--endpoint", endpoint]
    subprocess.run([sys.executable, *command], check=False)


if __name__ == "__main__":
    main()
