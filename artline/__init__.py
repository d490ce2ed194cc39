"""The client of an ArtLine service: photos in, line art out.

>>> from artline import Client
>>> with Client("https://abc123.execute-api.eu-central-1.amazonaws.com") as client:
...     client.transform("photo.jpg").save("out")
PosixPath('out/20261123101500.jpg')
"""

from .answers import Health, Job, Limits, LineArt
from .client import Client
from .errors import (
    AnswerError,
    ArtLineError,
    ConnectError,
    EndpointError,
    NoJobsError,
    PhotoError,
    ProblemError,
    ServiceError,
    SigningError,
    TimedOutError,
    TooLargeError,
)
from .version import __version__

__all__ = [
    "AnswerError",
    "ArtLineError",
    "Client",
    "ConnectError",
    "EndpointError",
    "Health",
    "Job",
    "Limits",
    "LineArt",
    "NoJobsError",
    "PhotoError",
    "ProblemError",
    "ServiceError",
    "SigningError",
    "TimedOutError",
    "TooLargeError",
    "__version__",
]
