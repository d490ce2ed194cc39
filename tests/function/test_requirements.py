import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "function" / "requirements.txt").read_text().replace("\\\n", "").splitlines()


def test_every_dependency_is_pinned_and_hashed() -> None:
    for line in LINES:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ;[^#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+", line)


def test_what_the_project_asks_for_is_what_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = set(project["optional-dependencies"]["function"])
    assert asked <= {line.split()[0] for line in LINES}
