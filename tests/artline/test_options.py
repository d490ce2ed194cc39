"""The table of request options, and that nothing else says what an option is."""

from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artline.errors import OptionError
from artline.options import OPTIONS, Options, RequestOptions, schemas


@dataclass(frozen=True)
class Served:
    """A model of 2048 pixels and two styles."""

    max_side: int = 2048
    default_side: int = 1024
    styles: tuple[str, ...] = ("ink", "line")


SERVED = Served()


def test_the_keyword_arguments_are_the_table() -> None:
    assert list(RequestOptions.__annotations__) == [each.name for each in fields(Options)]
    assert list(OPTIONS) == list(RequestOptions.__annotations__)


def test_what_is_left_out_has_its_default() -> None:
    options = Options.read({}, SERVED)
    for name, schema in schemas(SERVED).items():
        assert getattr(options, name) == schema["default"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_side": 63}, "max_side must be a number of pixels from 64 to 2048."),
        ({"max_side": 2049}, "max_side must be a number of pixels from 64 to 2048."),
        ({"max_side": True}, "max_side must be a number of pixels from 64 to 2048."),
        ({"max_side": 64.5}, "max_side must be a number of pixels from 64 to 2048."),
        ({"max_side": "512"}, "max_side must be a number of pixels from 64 to 2048."),
        ({"max_side": None}, "max_side must be a number of pixels from 64 to 2048."),
        ({"format": "gif"}, "format must be jpeg, png, webp or svg."),
        ({"format": ""}, "format must be jpeg, png, webp or svg."),
        ({"format": ["png"]}, "format must be jpeg, png, webp or svg."),
        ({"style": "oil"}, "style must be ink or line."),
        ({"maxside": 512}, "There is no option 'maxside': there are .* Did you mean max_side?"),
        ({"": 1}, "There is no option ''"),
    ],
)
def test_what_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Options.read(given, SERVED)


def test_json_has_one_kind_of_number() -> None:
    assert Options.read({"max_side": 512.0}, SERVED).max_side == 512


@given(st.dictionaries(st.sampled_from([*OPTIONS, "other"]), st.text(max_size=12)))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        options = Options.parse(query, SERVED)
    except OptionError:
        return
    assert options.texts().items() >= query.items() or "max_side" in query


@given(
    st.sampled_from(["jpeg", "png", "webp"]),
    st.integers(64, 2048),
    st.sampled_from(["ink", "line"]),
)
def test_what_is_kept_as_text_comes_back(format_: str, side: int, style: str) -> None:
    options = Options.read({"format": format_, "max_side": side, "style": style}, SERVED)
    assert Options.parse(options.texts(), SERVED) == options


def test_numbers_of_numpy_are_numbers() -> None:
    assert Options.read({"max_side": np.int64(512)}, SERVED).max_side == 512
    with pytest.raises(OptionError):
        Options.read({"max_side": True}, SERVED)
