"""Who may call, where the stack asks for a token, or for signatures.

API Gateway checks signatures. While the stack changes to them, a new version is called before the
routes ask for any; so it looks whether they did.

The token lives in an SSM parameter; the function knows only the parameter's name. The parameter may
hold two tokens, separated by white space, while one takes over from the other.
"""

import hmac
import os

from .events import Request
from .problem import ProblemError

RENEW_SECONDS = 60
"""How long an environment may use the tokens that it last read."""


def setting() -> str:
    """The stack's setting `auth`: none, token or iam."""
    return os.environ.get("AUTH", "none")


def check(request: Request) -> None:
    """Raises `ProblemError` 401 where a token is required and `request` carries no valid one.

    It is 403 where a signature is required and was not checked.
    """
    if setting() == "iam" and not request.signed:
        raise ProblemError(403, "A request signed with AWS credentials is needed.")
    parameter = os.environ.get("API_TOKEN_PARAMETER")
    if not parameter:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Every token is compared, and in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(given.strip().encode(), token) for token in _tokens(parameter)]
    if scheme.lower() != "bearer" or not any(matches):
        raise ProblemError(
            401,
            "A valid token is needed: send it as 'Authorization: Bearer <token>'.",
            www_authenticate="Bearer",
        )


def _tokens(parameter: str) -> list[bytes]:
    from aws_lambda_powertools.utilities import parameters  # boto3 costs 0.1 s to import

    value = parameters.get_parameter(parameter, decrypt=True, max_age=RENEW_SECONDS)
    return [token.encode() for token in value.split()]
