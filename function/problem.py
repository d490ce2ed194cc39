"""Errors as the caller sees them: RFC 9457 problem details."""

from http import HTTPStatus
from typing import Any

from artline.errors import OptionError, PhotoError


class ProblemError(Exception):
    """Something that the caller can fix, raised anywhere below the handler.

    `status` is the HTTP status, `detail` one sentence that says what to do, `headers` go into the
    answer beside the problem document.
    """

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @classmethod
    def of(cls, error: OptionError | PhotoError) -> "ProblemError":
        """The answer to a photo, or an option, that cannot be drawn."""
        return cls(error.status, str(error))

    def document(self) -> dict[str, Any]:
        """The `application/problem+json` document."""
        return {
            "type": f"https://httpwg.org/specs/rfc9110.html#status.{self.status}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
