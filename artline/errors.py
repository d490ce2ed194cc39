"""What can go wrong, as a tree.

* ArtLineError
    * EndpointError: no service was named
    * SigningError: requests cannot be signed
    * PhotoError: the photo cannot be read
        * TooLargeError: it can, and is more than the service takes
    * ServiceError
        * ConnectError: the service cannot be reached, or hung up
        * TimedOutError: it was reached and did not answer in time
        * AnswerError: its answer is not in the contract's form
        * ProblemError: it answered with an error, and says which
        * NoJobsError: it has no queue

Each one's text is a sentence that can be shown to a user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from .headers import retry_after


class ArtLineError(Exception):
    """Anything that this package raises on purpose."""


class EndpointError(ArtLineError):
    """No service was named, or what was named is no URL."""


class SigningError(ArtLineError):
    """Requests cannot be signed on this machine: a package, credentials or a region is missing."""


class PhotoError(ArtLineError):
    """The photo cannot be read on this machine."""


class TooLargeError(PhotoError):
    """The photo is larger than the service takes in one request, or at all."""


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
        super().__init__(f"{detail or title} (HTTP {status})")
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after = retry_after

    @classmethod
    def from_response(cls, response: httpx.Response) -> ProblemError:
        """The problem in an answer of status 400 or more, whoever on the way wrote it."""
        document = _document(response)
        wait = retry_after(response.headers.get("retry-after"), response.headers.get("date"))
        return cls.from_document({"status": response.status_code, **document}, retry_after=wait)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], *, retry_after: float | None = None
    ) -> ProblemError:
        """The problem that a problem document describes."""
        status = document.get("status")
        status = status if isinstance(status, int) else 500
        phrase = next((known.phrase for known in HTTPStatus if known == status), "Error")
        title = str(document.get("title") or phrase)
        detail = str(document.get("detail") or document.get("message") or "")
        return cls(status, title, detail, retry_after=retry_after)


def _document(response: httpx.Response) -> dict[str, Any]:
    """The service's own problem, API Gateway's `{"message"}`, or S3's XML, in one form."""
    try:
        document = response.json()
    except ValueError:
        message = re.search(r"<Message>([^<]*)</Message>", response.text)
        return {"detail": message[1]} if message else {}
    if not isinstance(document, dict):
        return {}
    # The status line is what was answered; a document that says otherwise is a copy gone stale.
    return {name: value for name, value in document.items() if name != "status"}
