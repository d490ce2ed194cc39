import importlib.util
import re
from math import prod
from pathlib import Path

from stack.settings import declarations

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "deploy.md"
TIMES = "\N{MULTIPLICATION SIGN}"


def test_the_table_of_settings_is_what_pulumi_yaml_says() -> None:
    spec = importlib.util.spec_from_file_location("settings", ROOT / "docs" / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.page() == PAGE.read_text(), "run: .venv/bin/python docs/settings.py"
    assert generator.table() in PAGE.read_text()
    assert all(f"| `{key}` |" in generator.table() for key in declarations())


def test_the_arithmetic_of_the_costs_is_right() -> None:
    rows = re.findall(r"^\| .+? \| ([^|]+) \| ([\d.]+) \|$", PAGE.read_text(), re.MULTILINE)
    checked = 0
    for arithmetic, stated in rows:
        text = re.sub(r" (s|GB)\b|,(?=\d{3})", "", arithmetic).replace(" million", "e6")
        factors, _, divisor = text.partition("/")
        try:
            value = prod(float(factor) for factor in factors.split(TIMES)) / float(divisor or 1)
        except ValueError:  # words
            continue
        assert f"{value:.{len(stated.partition('.')[2])}f}" == stated, arithmetic
        checked += 1
    assert checked == 18
