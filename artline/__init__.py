"""ArtLine: photo in, line art out. The client of a service, and the library that draws.

>>> from artline import Client
>>> with Client("https://abc123.execute-api.eu-central-1.amazonaws.com") as client:
...     client.transform("photo.jpg").save("out")
PosixPath('out/20261123101500.jpg')

Each name is imported on first use, so that `import artline` alone loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .client import Client, Health, Job, Limits
    from .drawing.art import LineArt
    from .errors import (
        AnswerError,
        ArtLineError,
        ConnectError,
        DamagedPhotoError,
        EndpointError,
        ModelError,
        NoJobsError,
        OptionError,
        PhotoError,
        PhotoTooLargeError,
        ProblemError,
        ServiceError,
        SigningError,
        TimedOutError,
        UnknownFormatError,
    )

_MODULES = {
    ".client": ("Client", "Health", "Job", "Limits"),
    ".drawing.art": ("LineArt",),
    ".errors": (
        "AnswerError",
        "ArtLineError",
        "ConnectError",
        "DamagedPhotoError",
        "EndpointError",
        "ModelError",
        "NoJobsError",
        "OptionError",
        "PhotoError",
        "PhotoTooLargeError",
        "ProblemError",
        "ServiceError",
        "SigningError",
        "TimedOutError",
        "UnknownFormatError",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnswerError",
    "ArtLineError",
    "Client",
    "ConnectError",
    "DamagedPhotoError",
    "EndpointError",
    "Health",
    "Job",
    "Limits",
    "LineArt",
    "ModelError",
    "NoJobsError",
    "OptionError",
    "PhotoError",
    "PhotoTooLargeError",
    "ProblemError",
    "ServiceError",
    "SigningError",
    "TimedOutError",
    "UnknownFormatError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
