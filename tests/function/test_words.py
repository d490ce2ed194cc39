"""Every string is said in every language, and none is left over."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "function" / "page"
ENTRY = re.compile(r'^  (\w+): "(.*)",$', re.MULTILINE)


def language(code: str) -> dict[str, str]:
    _, _, after = (PAGE / "words.js").read_text().partition(f"const {code} = {{\n")
    entries, _, _ = after.partition("\n};\n")
    return dict(ENTRY.findall(entries + "\n"))


def test_both_languages_say_the_same() -> None:
    english, korean = language("en"), language("ko")
    assert len(english) > 50
    assert english.keys() == korean.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", korean[key])), key
    assert all(re.search("[가-힣]", text) for text in korean.values())


def test_every_string_is_used() -> None:
    code = "".join(path.read_text() for path in PAGE.iterdir() if path.suffix in (".js", ".html"))
    mentioned = set(re.findall(r'"(\w+)"', code))
    assert language("en").keys() - mentioned == set()


def test_no_string_stands_outside() -> None:
    html = (PAGE / "index.html").read_text()
    body = re.sub(r"<(noscript|head)>.*?</\1>", "", html, flags=re.S)
    assert set(re.findall(r">\s*([^<>\s][^<>]*)<", body)) == {"Art", "Line"}
