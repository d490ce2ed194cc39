"""`GET /openapi.json`: the HTTP interface, with this deployment's own limits and routes."""

from typing import Any

from artline import limits
from artline.drawing.model import Model
from artline.options import MEDIA_TYPES, schemas
from artline.version import __version__

Schema = dict[str, Any]

IMAGES: Schema = {
    kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()
}
BASE64: Schema = {"text/plain": {"schema": {"type": "string", "contentEncoding": "base64"}}}
JSON: Schema = {"application/json": {"schema": {"type": "object"}}}
SECURITY: list[Schema] = [{}, {"token": []}]

PROBLEMS = {
    "400": "No body, text that is not base64, or an option that does not exist or is out of range",
    "401": "A token is required, and is missing or wrong",
    "413": f"Over {limits.IMAGE_BYTES:,} bytes in one request (use /jobs), or over"
    f" {limits.IMAGE_PIXELS:,} pixels",
    "415": "Bytes of no image format that is read here",
    "422": "An image that is cut short or corrupt",
    "429": "Throttled: Retry-After says when to come back",
    "500": "A fault of the service, with a request id to quote",
    "503": "No capacity: Retry-After says when to come back",
}


def document(model: Model, *, jobs: bool) -> Schema:
    """The OpenAPI 3.1 document of a function that serves `model`, with or without jobs."""
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
            **(_jobs(model) if jobs else {}),
        },
        "components": {
            "schemas": {"Problem": _problem()} | ({"Job": _job()} if jobs else {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _transform(model: Model) -> Schema:
    return {
        "operationId": "transform",
        "summary": "Draw a photo as line art",
        "parameters": _query(model),
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
        | _refusals(*PROBLEMS),
        "security": SECURITY,
    }


def _jobs(model: Model) -> Schema:
    answer = {
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
    }
    create = {
        "operationId": "createJob",
        "summary": "Queue a photo that is too large or too slow for one request",
        "description": "Post the photo as `file`, behind `upload.fields`, to `upload.url`.",
        "requestBody": {"content": {"application/json": {"schema": _order(model)}}},
        "responses": {"201": {"description": "The job, this one or the same before it", **answer}}
        | _refusals("400", "401", "413", "415", "429", "500", "503"),
        "security": SECURITY,
    }
    look = {
        "operationId": "job",
        "summary": "How a job is",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "responses": {"200": {"description": "The job", **answer}}
        | {"404": _refusal("A job that was never issued, or has expired")}
        | _refusals("401", "429", "500", "503"),
        "security": SECURITY,
    }
    return {"/jobs": {"post": create}, "/jobs/{id}": {"get": look}}


def _order(model: Model) -> Schema:
    return {
        "type": "object",
        "properties": {
            "sha256": {
                "type": "string",
                "pattern": "^[0-9A-Fa-f]{64}$",
                "description": "The photo's SHA-256: the same photo is then drawn once",
            },
            "size": {
                "type": "integer",
                "minimum": 1,
                "maximum": limits.UPLOAD_BYTES,
                "description": "The photo's bytes",
            },
            "type": {
                "type": "string",
                "pattern": "^image/",
                "default": "image/jpeg",
                "description": "The photo's media type",
            },
            **schemas(model),
        },
        "additionalProperties": False,
    }


def _job() -> Schema:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["id", "status"],
        "properties": {
            "id": text,
            "status": {"enum": ["waiting", "queued", "done", "failed"]},
            "upload": {
                "type": "object",
                "description": "Where to send the photo, while the job waits for it",
                "properties": {
                    "url": text | {"format": "uri"},
                    "fields": {"type": "object", "additionalProperties": text},
                },
            },
            "expires_at": text | {"format": "date-time", "description": "The upload's end"},
            "job_url": text | {"format": "uri-reference"},
            "result_url": text | {"format": "uri", "description": "The line art, for a while"},
            "error": {"$ref": "#/components/schemas/Problem"},
        },
    }


def _query(model: Model) -> list[Schema]:
    """The request options as parameters. Without `format`, `Accept` decides."""
    found = schemas(model)
    del found["format"]["default"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in found.items()]


def _get(name: str, summary: str, content: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }


def _refusals(*statuses: str) -> Schema:
    return {status: _refusal(PROBLEMS[status]) for status in statuses}


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
