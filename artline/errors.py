"""What can go wrong, as a tree. The library and the client raise these and nothing else.

* ArtLineError
    * EndpointError: no service was named, or it cannot be reached as this machine is set up
    * TokenError: the token cannot be sent
    * SigningError: requests cannot be signed
    * MissingExtraError: a package of one of the extras is not installed
    * ModelError: the model file cannot be used
    * SaveError: the line art cannot be saved
    * OptionError: a request option does not exist, or cannot have that value (HTTP 400)
    * PhotoError: the photo cannot be drawn
        * PhotoTooLargeError: it has more bytes or pixels than allowed (HTTP 413)
        * UnknownFormatError: it is in no format that is read (HTTP 415)
        * DamagedPhotoError: it is damaged or incomplete (HTTP 422)
    * ServiceError
        * ConnectError: the service cannot be reached, or closed the connection
        * TimedOutError: it was reached and did not answer in time
        * AnswerError: its answer is not in the contract's form
        * ProblemError: it answered with any other error, and says which
        * NoJobsError: it has no queue

Each one's text is a sentence that can be shown to a user. All of them can be pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar


class ArtLineError(Exception):
    """The base class of everything that this package raises on purpose."""


class EndpointError(ArtLineError):
    """No service was named, or it is no URL, or a proxy's or certificates' setting is wrong."""


class TokenError(ArtLineError, ValueError):
    """The token has characters that no header can carry, or comes beside a signature."""


class SigningError(ArtLineError):
    """Requests cannot be signed on this machine: a package, credentials or a region is missing."""


class MissingExtraError(ArtLineError):
    """A package of one of the extras is not installed; the message has the command."""


class ModelError(ArtLineError):
    """The model file is missing, damaged, or not in the contract's form."""


class SaveError(ArtLineError):
    """The line art cannot be saved: the file exists already, or cannot be written."""


class OptionError(ArtLineError, ValueError):
    """A request option does not exist, or cannot have the value that was given."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST


class PhotoError(ArtLineError):
    """The photo cannot be drawn. `status` is the HTTP status that the service answers with."""

    status: ClassVar[int] = HTTPStatus.UNPROCESSABLE_ENTITY


class PhotoTooLargeError(PhotoError):
    """The photo has more bytes or pixels than one request, a job, or a decoder may take."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnknownFormatError(PhotoError):
    """The image is in a format that is not supported, or the bytes are no image."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class DamagedPhotoError(PhotoError):
    """The photo is cut short or damaged: its decoder reports an error."""


class ServiceError(ArtLineError):
    """The service did not give what it was asked for.

    `retry_after` is the seconds to wait before asking again, where the service said so.
    """

    retry_after: float | None = None


class ConnectError(ServiceError):
    """The service cannot be reached, or the connection broke before its answer was complete."""


class TimedOutError(ServiceError):
    """No answer came in time."""


class AnswerError(ServiceError):
    """The answer is not what an ArtLine service gives."""


class NoJobsError(ServiceError):
    """The service was deployed without its jobs path."""


class ProblemError(ServiceError):
    """The service refused or failed, and says why: RFC 9457 problem details.

    `status` is the HTTP status, `title` its phrase, `detail` what to do about it.
    """

    def __init__(
        self, status: int, title: str, detail: str = "", *, retry_after: float | None = None
    ) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.detail or self.title} (HTTP {self.status})"

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, retry_after: float | None = None
    ) -> ProblemError:
        """The error that a problem document describes."""
        status = document.get("status")
        status = status if isinstance(status, int) else 500
        phrase = next((known.phrase for known in HTTPStatus if known == status), "Error")
        title = str(document.get("title") or phrase)
        detail = str(document.get("detail") or document.get("message") or "")
        return cls(status, title, detail, retry_after=retry_after)


def reason(error: Exception) -> str:
    """An error's text, without the number and the file's name that an `OSError` adds."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
