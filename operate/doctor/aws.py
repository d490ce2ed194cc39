"""Errors of AWS and botocore, explained."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from .check import Finding, failed
from .deployment import Deployment

INSTALL = "rm -f .venv/.local && make doctor"
"""Sets up the virtual environment anew."""

RIGHTS = "give the user the permissions in docs/deployer-policy.json"

UNKNOWN_KEYS = ("InvalidClientTokenId", "UnrecognizedClientException")

Run = Callable[[Deployment], Finding | None]


def explained(check: Run) -> Run:
    """`check`, with errors of AWS and botocore as findings."""

    @wraps(check)
    def run(deployment: Deployment) -> Finding | None:
        try:
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                ClientError,
            )
        except ImportError:
            return failed("asking AWS takes botocore", INSTALL)
        try:
            return check(deployment)
        except ClientError as error:
            return _refused(error.response.get("Error", {}))
        except BotoCoreError as error:
            return _unanswered(error)

    return run


def _refused(error: dict[str, str]) -> Finding:
    code = error.get("Code", "")
    if code.startswith("ExpiredToken"):
        return failed("the credentials have expired", "aws sso login")
    if code in (*UNKNOWN_KEYS, "SignatureDoesNotMatch"):
        return failed(f"AWS does not know these credentials: {code}", "aws configure")
    if "AccessDenied" in code or "Unauthorized" in code:
        return failed(f"refused: {code}", RIGHTS)
    return failed(f"AWS says {code}", "make doctor")


def _unanswered(error: Exception) -> Finding:
    kind = type(error).__name__
    if kind == "NoCredentialsError":
        return failed("none are found here", "aws configure sso")
    if "Credential" in kind:
        return failed(f"those that are found cannot be used: {kind}", "aws configure")
    if "SSO" in kind or "Token" in kind:
        return failed("the sign-in has expired", "aws sso login")
    if kind == "ProfileNotFound":
        return failed(str(error), "aws configure list-profiles")
    return failed(f"AWS cannot be reached: {kind}", "curl -I https://sts.amazonaws.com")
