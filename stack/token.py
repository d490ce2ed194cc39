"""The token of callers, kept where only the function can read it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from .function import Grant, allow
from .names import renamed
from .settings import Settings


class Token(pulumi.ComponentResource):
    """An SSM parameter, encrypted at rest.

    The function's environment has its name, not its value, so the token is neither in the
    function's configuration nor in its logs.
    """

    grant: Grant

    def __init__(
        self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("artline:stack:Token", name, None, renamed(opts, "token"))
        parameter = aws.ssm.Parameter(
            name,
            type="SecureString",
            value=settings.api_token,
            tags=settings.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        # The account's key for SSM lets everyone who may read the parameter decrypt it.
        self.grant = Grant(
            name="token",
            environment={"API_TOKEN_PARAMETER": parameter.name},
            statements=[allow(["ssm:GetParameter"], [parameter.arn])],
        )
        self.register_outputs({"parameter": parameter.name})
