"""Who calls: a token, or a signature made with AWS credentials."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import Any, Final

import httpx

from ..errors import SigningError, TokenError

API: Final = re.compile(r".+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
"""The host of an HTTP API, which names its region."""

BODY_HASH: Final = "x-amz-content-sha256"
"""The header that tells the signer a body's SHA-256, where the body is still to be streamed."""

SIGNED: Final = ("content-type", BODY_HASH)
"""The headers that are signed beside the host and the date: those that no proxy changes."""


VISIBLE: Final = re.compile(r"[!-~]+")
"""What a token can be made of."""


def authentication(endpoint: str, token: str | None, *, sign: bool) -> Bearer | SigV4 | None:
    """How requests to `endpoint` say who calls; by default with the token of `ARTLINE_TOKEN`.

    Raises `TokenError` and `SigningError`.
    """
    if token is None and not sign:
        token = os.environ.get("ARTLINE_TOKEN")
    token = (token or "").strip()  # a token that was read from a file ends in a line break
    if token and sign:
        raise TokenError("A request carries a token or a signature, not both.")
    if token and not VISIBLE.fullmatch(token):
        raise TokenError(
            "The token has a space, or a character other than ASCII's letters, digits and signs:"
            " look at --token, or ARTLINE_TOKEN."
        )
    if sign:
        return SigV4(endpoint)
    return Bearer(token) if token else None


class Bearer(httpx.Auth):
    """A stack's `apiToken`."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = self._header
        yield request


class SigV4(httpx.Auth):
    """Signature Version 4 for `execute-api`, with the credentials that the AWS command line finds.

    The region is that of the endpoint's host, else `AWS_REGION`'s or the AWS profile's. Raises
    `SigningError` where botocore, credentials or a region are missing.

    A signature holds for some minutes, so every attempt of a request is signed anew.
    """

    def __init__(self, endpoint: str) -> None:
        try:
            from botocore import auth, awsrequest, exceptions, session  # type: ignore[import-untyped]
        except ImportError as error:
            raise SigningError(
                "Signing needs one more package: pip install 'artline[iam]'"
            ) from error
        self._sign, self._request = auth.SigV4Auth, awsrequest.AWSRequest
        self._error = exceptions.BotoCoreError
        try:
            aws = session.Session()
            self._credentials = aws.get_credentials()
            self._region = _region(endpoint, aws)
        except self._error as error:
            raise SigningError(f"The AWS credentials cannot be used: {error}") from error
        if self._credentials is None:
            raise SigningError(
                "There are no AWS credentials to sign with: run `aws configure sso`, or set"
                " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        body = None if BODY_HASH in request.headers else request.content
        headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
        signed = self._request(request.method, str(request.url), headers=headers, data=body)
        try:
            credentials = self._credentials.get_frozen_credentials()
            self._sign(credentials, "execute-api", self._region).add_auth(signed)
        except self._error as error:
            raise SigningError(f"The AWS credentials cannot be used: {error}") from error
        request.headers.update(dict(signed.headers.items()))
        yield request


def _region(endpoint: str, aws: Any) -> str:
    host = API.fullmatch(httpx.URL(endpoint).host)
    region = host[1] if host else os.environ.get("AWS_REGION")
    region = region or aws.get_config_variable("region")
    if not region:
        raise SigningError(f"Which AWS region is {httpx.URL(endpoint).host} in? Set AWS_REGION")
    return str(region)
