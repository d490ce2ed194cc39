"""What the checks look at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stack import account

from .stack import Stack

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
"""What the engine calls the processors that Lambda has."""


@dataclass
class Deployment:
    """A stack that is to be deployed from this machine, or is; and how to call its service."""

    stack: Stack = field(default_factory=Stack)
    endpoint: str | None = None
    token: str | None = None
    sign: bool = False

    @property
    def architecture(self) -> str:
        """The setting `architecture`."""
        return str(self.stack.setting("architecture", "x86_64"))

    @property
    def platform(self) -> str:
        """What the image is built for, as the engine names it."""
        return PLATFORMS.get(self.architecture, self.architecture)

    @property
    def image_uri(self) -> str | None:
        """The image that is deployed, or is to be: `repository@sha256:…`."""
        uri = self.stack.outputs.get("imageUri") or self.stack.setting("imageUri")
        return str(uri) if uri else None

    def client(self, service: str, region: str | None = None, *, seconds: float = 10) -> Any:
        """A botocore client, with the credentials that Pulumi's provider takes.

        It waits `seconds` for an answer.
        Raises `ImportError` without botocore, and botocore's own errors.
        """
        from botocore.config import Config  # type: ignore[import-untyped]

        patience = Config(
            connect_timeout=5, read_timeout=seconds, retries={"total_max_attempts": 2}
        )
        session, where = self.session(), region or self.region()

        def make(name: str, keys: Mapping[str, str | None]) -> Any:
            return session.create_client(name, region_name=where, config=patience, **keys)

        roles = [self.stack.setting(f"aws:{key}") for key in account.ROLES]
        return make(service, account.assumed(roles, {}, lambda keys: make("sts", keys)))

    def session(self) -> Any:
        """A session of botocore's, in the profile of `aws:profile` or of the environment."""
        from botocore.session import Session  # type: ignore[import-untyped]

        return Session(profile=self.stack.setting("aws:profile"))

    def region(self) -> str | None:
        """`aws:region`, else what the environment says, as the Pulumi program has it."""
        named = (os.environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        region = self.stack.setting("aws:region") or next(filter(None, named), None)
        return str(region) if region else None
