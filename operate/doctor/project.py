"""Pulumi's command line and the project's settings."""

from __future__ import annotations

import re

from .check import Finding, failed, ok, warning
from .deployment import Deployment
from .program import NotInstalledError, ProgramError, ask
from .stack import SettingsError

SHOWN = ("region", "memory", "architecture", "warm", "auth")

INSTALL = "curl -fsSL https://get.pulumi.com | sh"
"""Installs Pulumi's command line, or a newer version of it."""


def pulumi(deployment: Deployment) -> Finding:
    """The command line, and whether it is as new as Pulumi.yaml wants it."""
    try:
        found, wanted = ask("pulumi", "version"), deployment.stack.required
        if _numbers(found) < _numbers(wanted):
            return failed(f"{found} is too old: Pulumi.yaml wants {wanted}", INSTALL)
        return ok(found)
    except NotInstalledError as error:
        return failed(str(error), INSTALL)
    except ProgramError as error:
        return failed(str(error), "pulumi version")


def _numbers(version: str) -> tuple[int, ...]:
    """`v3.272.0`, or what goes on behind that, as numbers to compare."""
    found = re.search(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def login(_: Deployment) -> Finding:
    """Where it keeps its state: a service, a bucket or this machine."""
    try:
        return ok(f"as {ask('pulumi', 'whoami', '--non-interactive')}")
    except ProgramError as error:
        return failed(str(error), "pulumi login, or to keep the state here, pulumi login --local")


def settings(deployment: Deployment) -> Finding:
    """What is to be deployed."""
    try:
        known = deployment.stack.settings
    except SettingsError as error:
        return warning(f"{error}: using the defaults", error.fix)
    values = {name.rpartition(":")[2]: value for name, value in known.items()}
    token = known.get("apiToken")
    if values.get("auth") == "token" and token == "":
        return failed("auth is token, and apiToken is unset", TOKEN)
    if token and isinstance(token, str):  # an encrypted one is an object, or has no value
        return failed("apiToken is in plain text", TOKEN)
    return ok(", ".join(f"{name} {values.get(name) or 'unset'}" for name in SHOWN))


TOKEN = "pulumi config set --secret apiToken"  # noqa: S105  the command asks for it
