"""The stack in this directory: its settings and outputs, as Pulumi or its files have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .program import ProgramError, ask_json

PROJECT = "Pulumi.yaml"
QUIET = "--non-interactive"


class SettingsError(Exception):
    """The settings cannot be read; the text says why, `fix` what to do."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


@dataclass
class Stack:
    """A stack of the project in this directory; without a name, the one that is selected there.

    The command line is asked first, as it knows of encrypted files and other backends. Secrets are
    never asked for in plain text.
    """

    name: str | None = None

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """All of the project's settings by their name, and `aws:region`. Raises `SettingsError`."""
        if not Path(PROJECT).exists():
            raise SettingsError(f"no {PROJECT} in this directory", "cd PROJECT-DIRECTORY")
        project = _load(Path(PROJECT))
        namespace = f"{project.get('name')}:"
        given = self._from_program()
        if given is None:
            given = _load(self._file()).get("config") or {}
        settings = {
            f"{namespace}{name}": declared.get("default")
            for name, declared in (project.get("config") or {}).items()
        } | given
        return {name.removeprefix(namespace): value for name, value in settings.items()}

    @property
    def required(self) -> str:
        """The oldest version of Pulumi's command line that the project takes, where it says so."""
        try:
            return str(_load(Path(PROJECT)).get("requiredPulumiVersion", ""))
        except SettingsError:
            return ""

    @cached_property
    def outputs(self) -> Mapping[str, Any]:
        """What the stack exports; nothing where it is not deployed, or nobody here can say."""
        try:
            return ask_json("pulumi", "stack", "output", "--json", QUIET, *self._option)
        except ProgramError:
            return {}

    def setting(self, name: str, otherwise: Any = None) -> Any:
        """A setting, or `otherwise` where it is unset or the settings cannot be read."""
        try:
            value = self.settings.get(name)
        except SettingsError:
            return otherwise
        return otherwise if value in (None, "") else value

    def number(self, name: str, otherwise: int) -> int:
        """A setting that is a whole number, which Pulumi's command line gives as text."""
        try:
            return int(self.setting(name, otherwise))
        except (TypeError, ValueError):
            return otherwise

    @property
    def _option(self) -> list[str]:
        return ["--stack", self.name] if self.name else []

    def _from_program(self) -> dict[str, Any] | None:
        try:
            answer = ask_json("pulumi", "config", "--json", QUIET, *self._option)
        except ProgramError:
            return None
        # A list or an object is in `objectValue`; a secret has no value at all.
        return {
            name: each.get("objectValue", each.get("value"))
            for name, each in answer.items()
            if isinstance(each, dict)
        }

    def _file(self) -> Path:
        if self.name:
            # A stack may be named with its owner: owner/project/name.
            path = Path(f"Pulumi.{self.name.rpartition('/')[2]}.yaml")
            if path.exists():
                return path
            raise SettingsError(f"there is no {path.name}", f"pulumi stack init {self.name}")
        paths = sorted(Path().glob("Pulumi.*.yaml"))
        if len(paths) == 1:
            return paths[0]
        names = ", ".join(path.name for path in paths) or "none"
        raise SettingsError(f"which stack? There are {names}", "make doctor ARGS='--stack NAME'")


def _load(path: Path) -> dict[str, Any]:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise SettingsError(
            "reading them takes PyYAML", "rm -f .venv/.local && make doctor"
        ) from error
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path.name} cannot be read", f"git checkout {path.name}") from error
    return document if isinstance(document, dict) else {}
