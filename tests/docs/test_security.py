import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def test_every_threat_names_tests_that_there_are() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 20
    for row in rows:
        named = NAMED.findall(row)
        assert named, row
        for file, test in named:
            text = (ROOT / "tests" / file).read_text()
            assert re.search(rf"^def {test}\(", text, re.MULTILINE), (file, test)
