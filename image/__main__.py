"""`python -m image build` builds the function's image, `python -m image invoke photo.jpg` draws a
photo with it under AWS's Runtime Interface Emulator.
"""

import argparse
import base64
import subprocess
import sys
import time
from pathlib import Path

from artline.limits import IMAGE_BYTES

from .container import TAG, MissingError, build, docker, require_engine, run
from .context import ROOT


def _build(options: argparse.Namespace) -> None:
    tag = build(options.tag, options.base)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", tag))
    print(f"{tag}: {size / 1e6:.0f} MB, with its base")


def _invoke(options: argparse.Namespace) -> None:
    photo = options.photo.read_bytes()
    if len(photo) > IMAGE_BYTES:
        sys.exit(
            f"{options.photo} is {len(photo) / 1e6:.1f} MB, over the {IMAGE_BYTES / 1e6:.1f} MB"
            " that one invocation holds: give a smaller photo."
        )
    try:
        docker("image", "inspect", options.tag)
    except subprocess.CalledProcessError:
        sys.exit(f"There is no image {options.tag}: build it with `make image`.")
    event = {"body": base64.b64encode(photo).decode()}
    start = time.perf_counter()
    with run(options.tag) as container:
        answer = container.invoke(event)
        seconds = time.perf_counter() - start
        megabytes = container.peak_memory() / 1e6
    if not isinstance(answer, dict) or answer.get("statusCode") != 200:
        sys.exit(f"No line art: {answer}")
    art = ROOT / "out" / f"{options.photo.stem}.jpg"
    art.parent.mkdir(exist_ok=True)
    art.write_bytes(base64.b64decode(answer["body"]))
    print(f"{art.relative_to(ROOT)}: {seconds:.2f} s with a cold start, at most {megabytes:.0f} MB")


def _photo(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        sys.exit(f"There is no photo {text!r}: name one, as in make invoke PHOTO=samples/cat.jpg.")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m image", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="build|invoke")
    builder = commands.add_parser("build", help="build the image")
    builder.add_argument("--base", help="the base image (default: AWS's, or a stand-in for it)")
    builder.set_defaults(command=_build)
    invoker = commands.add_parser("invoke", help="draw a photo with the image, into out/")
    invoker.add_argument("photo", type=_photo)
    invoker.set_defaults(command=_invoke)
    for command in (builder, invoker):
        command.add_argument("--tag", default=TAG)
    options = parser.parse_args()
    try:
        require_engine()
        options.command(options)
    except (MissingError, OSError) as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stdout or ''}{error.stderr or ''}{error}")


if __name__ == "__main__":
    main()
