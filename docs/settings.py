"""Writes the table of settings in docs/deploy.md: `.venv/bin/python docs/settings.py`."""

import json
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "deploy.md"
MARKED = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def table() -> str:
    """The settings as a Markdown table: name, default, what it means."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    rows = [
        f"| `{name}` | {_default(setting)} | {setting['description']} |"
        for name, setting in declared.items()
    ]
    return "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *rows])


def _default(setting: dict[str, Any]) -> str:
    value = setting["default"]
    return "unset" if value == "" else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def page() -> str:
    """The page with the table as it should be."""
    return MARKED.sub(lambda _: f"{table()}\n", PAGE.read_text(), count=1)


if __name__ == "__main__":
    PAGE.write_text(page())
