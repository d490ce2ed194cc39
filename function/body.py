"""The body of `POST /transform`: an image file, the base64 text of one, or a form with one file.

The bytes decide which, not the content type: `curl -d` sends a form's type with anything, and a
proxy may replace the type that a client sent.
"""

import base64
import binascii
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from artline.limits import EVENT_BYTES
from artline.photo import formats, reader

from .problem import ProblemError

SEND = "send an image file, or the base64 text of one"
FORM = re.compile(
    rb"\s*--([!-~][ -~]{0,69})\r?\n(?:[!-9;-~]+:[^\r\n]*\r?\n)*?content-disposition:", re.I
)
"""How a multipart form begins: its boundary, and the headers of its first part. A line can be read
in one way only, so that no body takes long."""

DATA_URL = re.compile(rb"data:[^,]*,", re.I)
BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a caller sent: the photo, whether as base64 text, and the other fields of a form."""

    photo: bytes
    as_text: bool
    fields: Mapping[str, str] = field(default_factory=dict)


def read(body: bytes) -> Sent:
    """What `body` holds. Raises `ProblemError` 400 where that is no photo, nor its base64."""
    if begin := FORM.match(body):
        photo, fields = _form(body, begin[1].rstrip())
        return Sent(*_photo(photo), fields)
    return Sent(*_photo(body))


def _photo(body: bytes) -> tuple[bytes, bool]:
    """The image file in `body`, and whether it came as base64 text."""
    if reader.is_image(body):
        return body, False
    text = b"".join(body.split())
    if prefix := DATA_URL.match(text):
        text = text[prefix.end() :]
    if not text:
        raise ProblemError(400, f"There is no body: {SEND}.")
    if formats.other(body) == "SVG":
        return body, False
    if not (text.isascii() and text.decode().isprintable()):
        _refuse_encoded_text(body)
        return body, False
    try:
        digits = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        photo = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error as error:
        raise ProblemError(400, _hint(body)) from error
    if not photo:
        raise ProblemError(400, f"The body is base64 of nothing: {SEND}.")
    return photo, True


def _refuse_encoded_text(body: bytes) -> None:
    """Raises `ProblemError` for text that begins with a byte order mark, or is UTF-16."""
    utf_16 = body.isascii() and any(body[:64:2]) != any(body[1:64:2])
    if body.startswith(BOMS) or utf_16:
        raise ProblemError(
            400,
            "The body is text with a byte order mark or in UTF-16: send base64 as plain ASCII, or"
            " the image file itself.",
        )


def _hint(body: bytes) -> str:
    """What to do about text that is not base64."""
    begin = body.lstrip()[:256]
    if begin[:1] in (b"{", b"["):
        what = "is JSON"
    elif begin[:1] == b"<":
        what = "is HTML or XML"
    elif re.match(rb"[\w.%+-]+=", begin):
        what = "is a URL-encoded form, which holds no file"
    elif re.match(rb"https?://|/(?!9j/)|\.|@", begin):  # base64 of a JPEG begins with /9j/
        what = "is a path or a URL, not the file's content (curl needs an @ before a file's name)"
    else:
        what = "is text that is not base64"
    return f"The body {what}: {SEND}."


def _form(body: bytes, boundary: bytes) -> tuple[bytes, dict[str, str]]:
    """The one file of a multipart form, and its other fields."""
    # Forms are seldom sent.
    from multipart import MultipartError, MultipartParser  # type: ignore[import-untyped]

    files, fields = [], {}
    try:
        # Nothing is to be written to disk.
        parser = MultipartParser(
            io.BytesIO(body),
            boundary,
            charset="latin-1",  # any bytes may be in a file's name, which is not used
            spool_limit=EVENT_BYTES,
            memory_limit=2 * EVENT_BYTES,
        )
        for part in parser:
            if part.filename is not None:
                files.append(part.raw)
            else:
                fields[_text(part.name.encode("latin-1"))] = _text(part.raw)
    except MultipartError as error:
        raise ProblemError(400, f"The form cannot be read: {error.args[0]}.") from error
    if len(files) != 1:
        raise ProblemError(
            400,
            f"The form has {len(files) or 'no'} file{'s' * (len(files) != 1)}: send one photo, as"
            " curl -F file=@photo.jpg does.",
        )
    return files[0], fields


def _text(field: bytes) -> str:
    """A field's name or value: UTF-8, as browsers send, whatever its part says."""
    try:
        return field.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(400, "The form cannot be read: a field is not in UTF-8.") from error
