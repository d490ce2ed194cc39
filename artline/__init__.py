"""ArtLine: photo in, line art out, in this process or by a service.

>>> import artline
>>> artline.draw("photo.jpg", max_side=512).save("art.jpg")
PosixPath('art.jpg')
>>> with artline.Client("https://abc123.execute-api.eu-central-1.amazonaws.com") as client:
...     client.draw("photo.jpg").save("out")
PosixPath('out/20261123101500.jpg')

Each name is imported on first use, so that `import artline` alone loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from . import errors
    from .client import AsyncClient, Client, Health, Job, Limits, Progress, Via
    from .drawing.art import LineArt
    from .drawing.draw import Model, Provider, draw
    from .errors import (
        AnswerError,
        ArtLineError,
        ConnectError,
        DamagedPhotoError,
        EndpointError,
        MissingExtraError,
        ModelError,
        NoJobsError,
        OptionError,
        PhotoError,
        PhotoTooLargeError,
        ProblemError,
        SaveError,
        ServiceError,
        SigningError,
        TimedOutError,
        TokenError,
        UnknownFormatError,
    )
    from .options import Format, RequestOptions
    from .photo.source import PhotoSource

_MODULES = {
    ".client": (
        "AsyncClient",
        "Client",
        "Health",
        "Job",
        "Limits",
        "Progress",
        "Via",
    ),
    ".drawing.art": ("LineArt",),
    ".drawing.draw": (
        "Model",
        "Provider",
        "draw",
    ),
    ".errors": (
        "AnswerError",
        "ArtLineError",
        "ConnectError",
        "DamagedPhotoError",
        "EndpointError",
        "ModelError",
        "NoJobsError",
        "OptionError",
        "MissingExtraError",
        "PhotoError",
        "PhotoTooLargeError",
        "ProblemError",
        "SaveError",
        "ServiceError",
        "SigningError",
        "TimedOutError",
        "TokenError",
        "UnknownFormatError",
    ),
    ".options": (
        "Format",
        "RequestOptions",
    ),
    ".photo.source": ("PhotoSource",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnswerError",
    "ArtLineError",
    "AsyncClient",
    "Client",
    "ConnectError",
    "DamagedPhotoError",
    "EndpointError",
    "Format",
    "Health",
    "Job",
    "Limits",
    "LineArt",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NoJobsError",
    "OptionError",
    "PhotoError",
    "PhotoSource",
    "PhotoTooLargeError",
    "ProblemError",
    "Progress",
    "Provider",
    "RequestOptions",
    "SaveError",
    "ServiceError",
    "SigningError",
    "TimedOutError",
    "TokenError",
    "UnknownFormatError",
    "Via",
    "__version__",
    "draw",
    "errors",
]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module(".errors", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_HOMES[name], __name__)
    except import_module(".errors", __name__).MissingExtraError as error:
        return _missing(name, error)
    value = globals()[name] = getattr(module, name)
    return value


def _missing(name: str, error: Exception) -> Any:
    """A placeholder for a name that needs an extra: it can be imported, and raises when called."""

    def refuse(*_: object, **__: object) -> None:
        raise type(error)(*error.args)

    return type(name, (), {"__doc__": str(error), "__new__": refuse})


def __dir__() -> list[str]:
    return __all__
