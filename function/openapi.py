"""`GET /openapi.json`: the HTTP interface, with this deployment's own limits and routes."""

from typing import Any

from . import __version__, limits
from .model import Model

Schema = dict[str, Any]

IMAGES: Schema = {
    kind: {"schema": {"type": "string", "format": "binary"}}
    for kind in ("image/jpeg", "image/png", "image/webp")
}
BASE64: Schema = {"text/plain": {"schema": {"type": "string", "contentEncoding": "base64"}}}
JSON: Schema = {"application/json": {"schema": {"type": "object"}}}

PROBLEMS = {
    "400": "No body, text that is not base64, or an option out of its range",
    "401": "A token is required, and is missing or wrong",
    "413": f"Over {limits.IMAGE_BYTES:,} bytes in one request (use /jobs), or over"
    f" {limits.IMAGE_PIXELS:,} pixels",
    "415": "Bytes of no image format that is read here",
    "422": "An image that is cut short or corrupt",
    "429": "Throttled: Retry-After says when to come back",
    "500": "A fault of the service, with a request id to quote",
    "503": "No capacity: Retry-After says when to come back",
}


def document(model: Model) -> Schema:
    """The OpenAPI 3.1 document of a function that serves `model`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ArtLine",
            "version": __version__,
            "summary": f"Photo in, line art out, drawn by {model.name} {model.version}",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/transform": {"post": _transform(model)},
            "/health": {"get": _get("health", "What runs here, and what it takes", JSON)},
            "/openapi.json": {"get": _get("openapi", "This document", JSON)},
        },
        "components": {
            "schemas": {"Problem": _problem()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _transform(model: Model) -> Schema:
    return {
        "operationId": "transform",
        "summary": "Draw a photo as line art",
        "parameters": [
            {
                "name": "max_side",
                "in": "query",
                "description": "The longer side of the line art, in pixels, at most",
                "schema": {
                    "type": "integer",
                    "minimum": limits.MIN_SIDE,
                    "maximum": model.max_side,
                    "default": model.default_side,
                },
            }
        ],
        "requestBody": {
            "required": True,
            "description": "An image file, or the base64 text of one. The bytes decide, not the"
            " content type.",
            "content": IMAGES | BASE64,
        },
        "responses": {
            "200": {
                "description": "The line art, in the form that was sent or that Accept names",
                "headers": {
                    name: {"schema": {"type": "string"}} for name in ("Server-Timing", "X-Model")
                },
                "content": IMAGES | BASE64,
            }
        }
        | {status: _refusal(description) for status, description in PROBLEMS.items()},
        "security": [{}, {"token": []}],
    }


def _get(name: str, summary: str, content: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }


def _refusal(description: str) -> Schema:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": description, "content": {"application/problem+json": schema}}


def _problem() -> Schema:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "RFC 9457 problem details",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": text | {"format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
        },
    }
