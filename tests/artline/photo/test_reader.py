"""What is read, what is refused, and how."""

import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from artline.errors import DamagedPhotoError, PhotoError, PhotoTooLargeError, UnknownFormatError
from artline.photo import formats, png, reader
from artline.photo.bounds import BLOCK, SERVICE, Bounds, Deadline
from artline.photo.reader import Photo, decode
from artline.photo.source import load

from .corpus import DRAWN, REFUSED, encoded, pattern, photo

BOX = (1024, 1024)


def middle(data: bytes) -> tuple[int, ...]:
    pixels = decode(data, BOX)
    return tuple(int(value) for value in pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(png: bytes, kind: bytes, data: bytes, *, last: bool = False) -> bytes:
    """The PNG file with one more chunk, behind its header or before its end."""
    at = len(png) - 12 if last else 33
    return png[:at] + chunk(kind, data) + png[at:]


@pytest.mark.parametrize("name", DRAWN)
def test_the_corpus_is_read_upright(name: str) -> None:
    width, height = DRAWN[name]
    assert decode(photo(name), BOX).shape == (height, width, 3)


@pytest.mark.parametrize("name", REFUSED)
def test_the_corpus_is_refused(name: str) -> None:
    with pytest.raises(PhotoError) as refusal:
        decode(photo(name), BOX)
    assert refusal.value.status == REFUSED[name]


def test_both_byte_orders_are_one_photo() -> None:
    big, little = (photo(f"grey16-{order}-endian-1600.tif") for order in ("big", "little"))
    assert np.array_equal(decode(big, BOX), decode(little, BOX))


def test_camera_raw_is_named() -> None:
    with pytest.raises(UnknownFormatError, match="camera raw"):
        decode(photo("raw-dng-like.tif"), BOX)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt", b"iCCP"])
def test_text_and_profiles_of_any_size(kind: bytes, last: bool) -> None:
    text = bytes(range(1, 128)) * 100_000
    data = {
        b"zTXt": b"k\0\0" + zlib.compress(text),
        b"iTXt": b"k\0\1\0\0\0" + zlib.compress(text),
        b"tEXt": b"k\0" + text,
        b"iCCP": b"k\0\0" + zlib.compress(text),
    }[kind]
    plain = encoded(pattern("RGB"), "PNG")
    with_text = with_chunk(plain, kind, data, last=last)
    assert np.array_equal(decode(with_text, BOX), decode(plain, BOX))


def test_nothing_behind_the_end_of_a_png_is_read() -> None:
    data = encoded(pattern("RGB"), "PNG") + chunk(b"tEXt", b"k\0text") + bytes(1_000_000)
    assert png.without_text(data, Deadline(None)) is data
    assert decode(data, BOX).shape == (150, 200, 3)


def test_a_text_with_a_wrong_checksum_is_damage() -> None:
    data = bytearray(with_chunk(encoded(pattern("RGB"), "PNG"), b"tEXt", b"k\0" + b"x" * 100))
    data[60] ^= 1
    with pytest.raises(DamagedPhotoError):
        decode(bytes(data), BOX)


def keyed(mode: str, depth: int, kind: int, samples: bytes, key: bytes) -> bytes:
    """A PNG of 8 x 8 pixels of one colour, which is the transparent one."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, depth, kind, 0, 0, 0))
    rows = zlib.compress((b"\0" + samples) * 8)
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + (chunk(b"PLTE", bytes(12)) if mode == "P" else b"")
        + chunk(b"tRNS", key)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("mode", "depth", "kind", "samples", "key"),
    [
        ("1", 1, 0, b"\0", b"\0\0"),
        ("L;2", 2, 0, b"\x55\x55", b"\0\1"),
        ("L;4", 4, 0, b"\x33" * 4, b"\0\3"),
        ("L", 8, 0, b"\x07" * 8, b"\0\x07"),
        ("I;16", 16, 0, b"\1\x02" * 8, b"\1\x02"),
        ("RGB", 8, 2, b"\1\2\3" * 8, b"\0\1\0\2\0\3"),
        ("RGB;16", 16, 2, b"\1\2\3\4\5\6" * 8, b"\1\2\3\4\5\6"),
        ("P", 8, 3, b"\1" * 8, b"\xff\0"),
    ],
)
def test_a_transparent_colour_is_paper(
    mode: str, depth: int, kind: int, samples: bytes, key: bytes
) -> None:
    assert middle(keyed(mode, depth, kind, samples, key)) == (255, 255, 255)
    if kind != 3:
        other = keyed(mode, depth, kind, samples, bytes(len(key) - 1) + b"\xfe")
        assert mode in ("1", "L;2", "L;4") or middle(other) != (255, 255, 255)


def test_grey_with_premultiplied_alpha() -> None:
    samples = np.zeros((16, 16, 2), np.uint8)
    samples[..., 0], samples[..., 1] = 60, 128
    file = io.BytesIO()
    tifffile.imwrite(file, samples, photometric="minisblack", extrasamples=["assocalpha"])
    assert Image.open(io.BytesIO(file.getvalue())).mode == "La"
    assert middle(file.getvalue()) == (187, 187, 187)


@pytest.mark.parametrize(
    ("photometric", "order", "grey"),
    [("minisblack", "<", 51), ("minisblack", ">", 51), ("miniswhite", "<", 204)],
)
def test_sixteen_bits_know_their_white(photometric: str, order: Any, grey: int) -> None:
    file = io.BytesIO()
    samples = np.full((16, 16), 13107, np.uint16)
    tifffile.imwrite(file, samples, photometric=photometric, byteorder=order)
    assert middle(file.getvalue()) == (grey, grey, grey)
    assert (decode(Image.open(file), BOX) == grey).all()


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u2", "i2", "u4", "i4", "f4"])
def test_numbers_of_any_kind_are_read_right_or_refused(
    kind: Any, order: Any, compression: Any
) -> None:
    most = 1 if kind == "f4" else np.iinfo(kind).max
    ramp = np.tile(np.linspace(0, most, 256), (64, 1)).astype(kind)
    file = io.BytesIO()
    tifffile.imwrite(file, ramp, photometric="minisblack", byteorder=order, compression=compression)
    try:
        read = decode(file.getvalue(), (256, 64))[5, :, 0]
    except UnknownFormatError:
        assert kind == "u4" or (order == ">" and compression and kind != "u2")
    else:
        np.testing.assert_allclose(read, np.arange(256), atol=1)


def test_what_pillow_knows_no_mode_for_is_unsupported() -> None:
    file = io.BytesIO()
    samples = np.full((16, 16), 13107, np.uint16)
    tifffile.imwrite(file, samples, photometric="miniswhite", byteorder=">")
    with pytest.raises(UnknownFormatError, match="not supported"):
        decode(file.getvalue(), BOX)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_planes_of_sixteen_bits_are_read_right_or_refused(order: Any, channels: int) -> None:
    planes = np.full((channels, 32, 32), 51 * 257, np.uint16)
    kept: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate", "byteorder": order}
    plain, packed = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(plain, planes, **kept)
    tifffile.imwrite(packed, planes, compression="zlib", **kept)
    with pytest.raises(UnknownFormatError, match="not supported"):
        decode(plain.getvalue(), BOX)
    if channels == 3:
        assert middle(packed.getvalue()) == (51, 51, 51)


def one_strip(strip: bytes, compression: int, size: int = 64) -> bytes:
    """A grey TIFF file around one compressed strip."""
    tags = [
        (256, 3, size),
        (257, 3, size),
        (258, 3, 8),
        (259, 3, compression),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, size),
        (279, 4, len(strip)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory


def test_jpeg_and_webp_inside_tiff() -> None:
    jpeg = encoded(Image.new("L", (64, 64), 90), "JPEG")
    assert abs(middle(one_strip(jpeg, 7))[0] - 90) < 3
    lossless = jpeg.replace(b"\xff\xc0", b"\xff\xc3", 1)
    webp = encoded(Image.new("L", (64, 64), 90), "WEBP")
    for strip, compression in ((lossless, 7), (webp, 50001)):
        with pytest.raises(UnknownFormatError, match="kind of TIFF"):
            decode(one_strip(strip, compression), BOX)


def test_pixels_of_what_is_nested_are_checked_first() -> None:
    wide = encoded(Image.new("L", (9000, 6000)), "JPEG")
    with pytest.raises(PhotoTooLargeError):
        decode(one_strip(wide, 7), BOX)
    inner = encoded(Image.new("1", (13_300, 13_300)), "PNG")
    icon = b"\0\0\1\0\1\0" + struct.pack("<4B2H2I", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner
    with pytest.raises(PhotoTooLargeError, match="177 megapixels"):
        decode(icon, BOX)
    bitmap = struct.pack("<3I2H6I", 40, 60_000, 40_000, 1, 32, 0, 0, 0, 0, 0, 0)
    entry = struct.pack("<4B2H2I", 16, 16, 0, 0, 1, 32, len(bitmap), 22)
    with pytest.raises(PhotoTooLargeError):
        decode(b"\0\0\1\0\1\0" + entry + bitmap, BOX)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_jpeg_of_more_bits_is_unsupported_and_not_damaged(bits: int) -> None:
    jpeg = bytearray(encoded(pattern("RGB"), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = bits
    with pytest.raises(UnknownFormatError):
        decode(bytes(jpeg), BOX)


WRONG_TAGS: list[tuple[int, int, int, int]] = [
    (ExifTags.Base.XResolution, 2, 4, 0x00323700),
    (ExifTags.Base.XResolution, 5, 1, 0xFFFFFFF0),
    (ExifTags.Base.ImageWidth, 12, 9, 0xFFFFFFFF),
    (ExifTags.Base.GPSInfo, 4, 1, 0xFFFFFF00),
    (ExifTags.Base.ExifOffset, 2, 1, 7),
    (ExifTags.Base.Artist, 99, 0xFFFFFFFF, 0),
    (ExifTags.Base.Make, 2, 0x7FFFFFFF, 8),
    (ExifTags.Base.ResolutionUnit, 9, 1, 0xFFFFFFFF),
]


def exif_of(tags: list[tuple[int, int, int, int]], order: str) -> bytes:
    exif = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[order]
    exif += struct.pack(f"{order}H", len(tags))
    return exif + b"".join(struct.pack(f"{order}HHII", *tag) for tag in sorted(tags)) + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wrong", WRONG_TAGS)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_no_other_tag_hides_the_orientation(
    name: str, wrong: tuple[int, int, int, int], order: str
) -> None:
    turned = (ExifTags.Base.Orientation, 3, 1, 6 if order == "<" else 6 << 16)
    head = b"" if name == "PNG" else b"Exif\0\0"
    data = encoded(pattern("RGB", 60, 40), name, exif=head + exif_of([wrong, turned], order))
    assert decode(data, BOX).shape == (60, 40, 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wrong", WRONG_TAGS)
def test_no_tag_hides_the_orientation_of_an_avif(
    wrong: tuple[int, int, int, int], order: str
) -> None:
    """Its container turns it, whatever EXIF says."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 99
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(pattern("RGB", 60, 40), "AVIF", exif=exif.tobytes())
    at = data.index(exif.tobytes()[6:10])
    broken = exif_of([wrong, (ExifTags.Base.Orientation, 3, 1, 1)], order)
    data = data[:at] + broken + data[at + len(broken) :]
    assert decode(data, BOX).shape == (60, 40, 3)


@pytest.mark.parametrize("transparent", [None, 1])
def test_around_the_first_frame_of_a_gif_is_paper(transparent: int | None) -> None:
    options = {} if transparent is None else {"transparency": transparent}
    frame = Image.new("P", (4, 3), 2)
    frame.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    data = bytearray(encoded(frame, "GIF", **options))
    data[6:10] = struct.pack("<HH", 8, 6)  # the canvas
    at = data.index(b"\x2c\0\0\0\0\4\0\3\0")
    data[at + 1 : at + 5] = struct.pack("<HH", 2, 1)
    pixels = np.array(decode(bytes(data), BOX))
    assert (pixels[1:4, 2:6] == (0, 0, 255)).all()
    pixels[1:4, 2:6] = 255  # the rest
    assert (pixels == 255).all()


@pytest.mark.parametrize("wrong", [tag for tag in WRONG_TAGS if tag[0] != ExifTags.Base.ImageWidth])
def test_no_other_tag_hides_the_orientation_of_a_tiff(wrong: tuple[int, int, int, int]) -> None:
    strip = bytes(60 * 40)
    tags = [
        (256, 3, 1, 60),
        (257, 3, 1, 40),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (274, 3, 1, 6),
        (277, 3, 1, 1),
        (278, 3, 1, 40),
        (279, 4, 1, len(strip)),
        wrong,
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    data = b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory
    assert decode(data, BOX).shape == (60, 40, 3)


@pytest.mark.parametrize("brand", sorted(formats.HEIF_BRANDS - {b"miaf", b"mif2"}))
def test_every_brand_of_heif(brand: bytes) -> None:
    data = photo("heic-heis.heic")
    assert Photo.open(data[:8] + brand + data[12:]).format is formats.HEIF


def test_heif_and_avif_share_brands() -> None:
    avif = encoded(pattern("RGB"), "AVIF")
    assert Photo.open(avif[:8] + b"mif1" + avif[12:]).format is formats.AVIF


PLAIN = {
    "comments": b"P1\n2100 2100\n" + b"#\n" * 400_000,
    "one comment": b"P1\n2100 2100\n#" + b" " * 800_000,
    "no end": b"P2\n#" + b"x" * 800_000,
    "digits": b"P3\n2100 2100\n255\n" + b"1 " * 400_000,
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_map_is_refused(name: str) -> None:
    with pytest.raises(PhotoError) as refusal:
        decode(PLAIN[name], BOX)
    assert 400 <= refusal.value.status < 500


@pytest.mark.parametrize(
    ("name", "image", "options"),
    [
        ("QOI", pattern("RGB", 700, 500), {}),
        ("PPM", pattern("RGB", 700, 500), {}),
        ("JPEG", pattern("RGB", 1000, 700), {"progressive": True}),
        ("GIF", pattern("P", 1000, 700), {}),
    ],
)
def test_decoders_stop_at_a_deadline_in_any_thread(
    name: str, image: Image.Image, options: dict[str, Any]
) -> None:
    data = encoded(image, name, **options)
    if name == "PPM":  # a brightness of 254 is for the decoder in Python
        data = data.replace(b"\n255\n", b"\n254\n", 1)
    assert len(data) > 2 * BLOCK
    refusals = []

    def run() -> None:
        try:  # on a busy machine the time may be over while it is opened
            Photo.open(data, Bounds(SERVICE.pixels, seconds=0.001)).pixels(BOX)
        except PhotoError as error:
            refusals.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert refusals == [PhotoTooLargeError]


def test_a_jpeg_of_a_thousand_scans_is_stopped() -> None:
    data = encoded(Image.new("L", (6000, 4000), 90), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scans = data[:last] + data[last:-2] * 3000 + data[-2:]
    with pytest.raises(PhotoTooLargeError, match="too long"):
        decode(scans, BOX, Bounds(SERVICE.pixels, seconds=0.5))


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"II\xbc\x01", "JPEG XR"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"IIRO\x08\0\0\0", "camera raw"),
        (b"IIU\0\x18\0\0\0", "camera raw"),
        (b"\0\0\0\x18ftypcrx ", "camera raw"),
        (b"\0\0\0\x20ftypmp42", "video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a > b -->\n<!-- c --><svg>", "SVG"),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' [ <!ENTITY a '>'> ]>\n<svg ", "SVG"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"PK\x03\x04", "ZIP"),
    ],
)
def test_what_is_not_read_is_named(begin: bytes, name: str) -> None:
    with pytest.raises(UnknownFormatError, match=name):
        decode(begin + bytes(400), BOX)


@pytest.mark.parametrize(
    "repeated", [b"<!>", b"<!-- -->", b"<!--", b"<![]>", b"<![] ", b"<?xml ?>", b"\xef\xbb\xbf "]
)
def test_no_beginning_takes_long_to_recognise(repeated: bytes) -> None:
    """A pattern that could be matched in many ways would be tried in all of them."""
    with pytest.raises(UnknownFormatError, match="no image"):
        decode(repeated * 1000, BOX)


def _png(mode: str, transparency: Any) -> bytes:
    file = io.BytesIO()
    image = Image.new("P" if mode == "P" else mode, (8, 6))
    image.save(file, "PNG", transparency=transparency)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [_png("P", 0), _png("P", b"\x00"), _png("L", 0), _png("RGB", (0, 0, 0)), _png("1", 0)],
    ids=["palette", "palette of alphas", "grey", "colour", "bits"],
)
def test_an_opened_image_is_read_as_its_file_is(data: bytes) -> None:
    """A colour that is transparent is paper, however the photo was given."""
    assert (decode(data, BOX) == 255).all()
    image = Image.open(io.BytesIO(data))
    assert (decode(image, BOX) == 255).all()
    assert (decode(image, BOX) == 255).all(), "it is left as it is"


@pytest.mark.parametrize("mode", sorted(set(Image.MODES) | {"La", "RGBa", "HSV", "I;16"}))
def test_every_mode_is_read(mode: str) -> None:
    image = Image.new(mode, (40, 30))
    assert decode(image, (20, 20)).shape == (15, 20, 3)


def test_an_image_has_bounds_too() -> None:
    with pytest.raises(PhotoTooLargeError):
        decode(Image.new("1", (11, 10)), BOX, Bounds(100, None))


def test_warnings_are_as_before_when_threads_have_read() -> None:
    """Two that read at once, of whom the first one to begin ends first."""
    before = list(warnings.filters)
    began, ended = threading.Event(), threading.Event()
    image = Image.new("L", (8, 8))

    def first() -> None:
        with reader._reading():
            began.wait(5)

    def second() -> None:
        with reader._reading():
            began.set()
            ended.wait(5)

    threads = [threading.Thread(target=each) for each in (first, second)]
    for each in threads:
        each.start()
    threads[0].join()
    added = [each for each in warnings.filters if each not in before]
    assert added
    assert not any(module is None or module.match("mine") for _, _, _, module, _ in added)
    ended.set()
    threads[1].join()
    decode(image, BOX)
    assert warnings.filters == before


def test_the_applications_own_filters_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that it sets while a photo is read."""
    with warnings.catch_warnings():
        before = list(warnings.filters)
        with reader._reading():
            warnings.simplefilter("error", ResourceWarning)
            warnings.filterwarnings("ignore", "spam")
        assert warnings.filters[2:] == before
        with pytest.raises(ResourceWarning):
            warnings.warn("mine", ResourceWarning, stacklevel=1)
        with reader._reading():
            warnings.resetwarnings()
        assert warnings.filters == []


@pytest.mark.parametrize("close", [True, False])
def test_an_image_that_is_closed(tmp_path: Path, close: bool) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(pattern("RGB"), "JPEG"))
    image = Image.open(tmp_path / "a.jpg")
    if close:
        image.close()
    else:
        with image:
            pass
    with pytest.raises(PhotoError, match="The image is closed"):
        decode(image, BOX)


@pytest.mark.parametrize("name", ["PNG", "GIF", "JPEG2000", "TIFF"])
def test_an_opened_image_that_is_damaged_is_not_closed(tmp_path: Path, name: str) -> None:
    data = encoded(pattern("RGB" if name != "GIF" else "P"), name)
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "a") as image, pytest.raises(PhotoError) as refusal:
        decode(image, BOX)
    assert "closed" not in str(refusal.value)


def test_whatever_numpy_reads_is_an_array() -> None:
    array = np.full((4, 5, 3), 7, np.uint8)

    class Array:
        __array_interface__ = array.__array_interface__

    image = load(Array())
    assert isinstance(image, Image.Image)
    assert np.array_equal(np.asarray(image), array)


@pytest.mark.parametrize("size", [1 << 33, 1 << 42])
def test_a_file_of_any_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(size)
    with pytest.raises(PhotoTooLargeError, match="too large for a photo"):
        load(path)


@pytest.mark.parametrize(
    ("size", "said"),
    [((7072, 7071), "50.01"), ((9000, 9000), "81")],
)
def test_a_size_is_told_by_as_many_digits_as_it_is_over(size: tuple[int, int], said: str) -> None:
    with pytest.raises(PhotoTooLargeError, match=f"has {said} megapixels, over the 50 "):
        Bounds(50_000_000, None).check(*size)


def test_an_orientation_that_the_caller_changed() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("L", (40, 30)).save(file, "JPEG", exif=exif)
    image = Image.open(file)
    assert decode(image, BOX).shape == (40, 30, 3)
    del image.getexif()[ExifTags.Base.Orientation]
    assert decode(image, BOX).shape == (30, 40, 3)
    plain = Image.new("L", (40, 30))
    plain.getexif()[ExifTags.Base.Orientation] = 6
    assert decode(plain, BOX).shape == (40, 30, 3)
