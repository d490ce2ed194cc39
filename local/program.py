"""What `pulumi up` would deploy, read from the Pulumi program itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource that the program declares, by Pulumi's own type and property names."""

    type: str
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True)
class Cors:
    """The API's CORS rules; `max_age` in seconds."""

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int


@dataclass(frozen=True)
class Deployment:
    """What a server needs to know to behave as the deployed API does."""

    routes: tuple[str, ...]
    """Route keys as API Gateway writes them: `POST /transform`, `$default`."""
    cors: Cors | None
    timeout: float
    """Seconds that the function may run."""
    integration_timeout: float
    """Seconds that the API waits for the function."""
    memory: int
    """MB."""
    environment: dict[str, str]
    """The function's variables."""
    concurrency: int | None
    """Reserved copies of the function; None: as many as the account has."""
    throttle_rate: float
    """Requests a second."""
    throttle_burst: int
    payload_format: str


def declared(config: dict[str, str] | None = None) -> list[Resource]:
    """The resources that the program declares with `config` over its defaults."""
    raise NotImplementedError


def deployment(resources: Sequence[Resource] | None = None) -> Deployment:
    """What `resources`, by default those of the default settings, mean to a server."""
    return Deployment(
        routes=(
            "GET /",
            "GET /health",
            "GET /openapi.json",
            "POST /transform",
            "POST /jobs",
            "GET /jobs/{id}",
            "$default",
        ),
        cors=Cors(
            allow_origins=("*",),
            allow_methods=("GET", "POST"),
            allow_headers=("content-type", "accept", "authorization"),
            expose_headers=("server-timing", "x-model", "retry-after", "etag"),
            max_age=86400,
        ),
        timeout=29,
        integration_timeout=30,
        memory=2048,
        environment={
            "LOG_LEVEL": "INFO",
            "POWERTOOLS_SERVICE_NAME": "artline",
            "POWERTOOLS_METRICS_NAMESPACE": "ArtLine",
        },
        concurrency=None,
        throttle_rate=10,
        throttle_burst=20,
        payload_format="2.0",
    )
