"""`GET /openapi.json`: the HTTP interface, with this deployment's own limits and routes."""

from typing import Any

from artline import limits
from artline.drawing.model import Model
from artline.options import MEDIA_TYPES, schemas
from artline.version import __version__

from .jobs import MEDIA_TYPE

Schema = dict[str, Any]

BINARY: Schema = {"schema": {"type": "string", "format": "binary"}}
BASE64: Schema = {"schema": {"type": "string", "contentEncoding": "base64"}}
JSON: Schema = {"application/json": {"schema": {"type": "object"}}}

METHODS = {"get", "post", "delete"}

SCHEMES: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer"},
    "iam": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "AWS's Signature Version 4, for the service execute-api",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
}
"""What a deployment may ask for, by its setting `auth`."""

PHOTO_TYPES = ("application/octet-stream", "image/*")
"""The bytes decide, whatever the type. Generated clients know the first of these."""

PROBLEMS = {
    "400": "No body, text that is not base64, or an option that does not exist or is out of range",
    "401": "A token is required, and is missing or wrong",
    "413": f"An image of over {limits.IMAGE_BYTES:,} bytes in one request, or of over"
    f" {limits.TEXT_IMAGE_BYTES:,} as base64 text (use /jobs), or of over"
    f" {limits.IMAGE_PIXELS:,} pixels, less in formats that take longer to decode",
    "415": "An image format that is not supported, or no image",
    "422": "An image that is cut short or damaged",
    "500": "A fault of the service, with a request id to quote",
}

GATEWAY_PROBLEMS = {
    "429": "Throttled: wait and try again",
    "503": "No capacity, or no answer in time: wait and try again",
}
"""What API Gateway answers by itself."""

GATEWAY_TOO = {"413", "500"}
"""What API Gateway answers as well as the function: over 10 MB, and where the function ended."""


def document(model: Model, *, jobs: bool, auth: str) -> Schema:
    """The OpenAPI 3.1 document of a function that serves `model`, with or without jobs.

    `auth` is the setting of that name: what the routes ask for that draw or show photos.
    """
    found = _document(model, jobs=jobs)
    if auth in SCHEMES:
        found["components"]["securitySchemes"] = {auth: SCHEMES[auth]}
    for operation in (
        path[way] for path in found["paths"].values() for way in METHODS & path.keys()
    ):
        responses = operation["responses"]
        if "401" not in responses:
            continue  # open to all
        if auth in SCHEMES:
            operation["security"] = [{auth: []}]
        if auth != "token":
            del responses["401"]
        if auth == "iam":
            responses["403"] = {
                "description": "A signature is required, and is missing or wrong",
                "content": _MESSAGE,
            }
    return found


def _document(model: Model, *, jobs: bool) -> Schema:
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
            "schemas": {"Problem": _problem(), "Message": _message()}
            | ({"Job": _job()} if jobs else {}),
        },
    }


def _transform(model: Model) -> Schema:
    return {
        "operationId": "transform",
        "summary": "Draw a photo as line art",
        "parameters": _query(model),
        "requestBody": {
            "required": True,
            "description": "An image file, the base64 text of one, or a form with one file, whose"
            " other fields are request options. The bytes decide, not the content type.",
            "content": dict.fromkeys(PHOTO_TYPES, BINARY)
            | {"text/plain": BASE64, "multipart/form-data": {"schema": _form(model)}},
        },
        "responses": {
            "200": {
                "description": "The line art, in the form that was sent or that Accept names",
                "headers": {
                    name: {"schema": {"type": "string"}} for name in ("Server-Timing", "X-Model")
                },
                "content": dict.fromkeys(MEDIA_TYPES.values(), BINARY) | {"text/plain": BASE64},
            }
        }
        | _refusals(*PROBLEMS),
    }


def _jobs(model: Model) -> Schema:
    answer = {
        "headers": {"Retry-After": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}},
    }
    create = {
        "operationId": "createJob",
        "summary": "Queue a photo that is too large or too slow for one request",
        "description": "Then post `upload.fields`, and the photo as `file` after them, to"
        " `upload.url`.",
        "parameters": _query(model),
        "requestBody": {"content": {"application/json": {"schema": _order(model)}}},
        "responses": {"201": {"description": "The job, this one or the same before it", **answer}}
        | _refusals("400", "401", "413", "415", "500"),
    }
    missing = {"404": _refusal("A job that was never issued, has expired or was deleted")}
    look = {
        "operationId": "job",
        "summary": "The state of a job",
        "responses": {"200": {"description": "The job", **answer}}
        | missing
        | _refusals("401", "500"),
    }
    delete = {
        "operationId": "deleteJob",
        "summary": "Delete a job's photo and its line art",
        "responses": {"204": {"description": "They are gone"}} | missing | _refusals("401", "500"),
    }
    one = {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "get": look,
        "delete": delete,
    }
    return {"/jobs": {"post": create}, "/jobs/{id}": one}


def _form(model: Model) -> Schema:
    return {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}, **_options(model)},
        "additionalProperties": False,
    }


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
                "description": f"The photo's bytes; 413 over {limits.UPLOAD_BYTES:,}",
            },
            "type": {
                "type": "string",
                "pattern": f"^{MEDIA_TYPE}$",
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
    """The request options as parameters."""
    return [
        {"name": name, "in": "query", "schema": schema} for name, schema in _options(model).items()
    ]


def _options(model: Model) -> dict[str, Schema]:
    """The schemas of the request options. Without `format`, `Accept` decides."""
    found = schemas(model)
    del found["format"]["default"]
    return found


def _get(name: str, summary: str, content: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}} | _refusals("500"),
    }


def _refusals(*statuses: str) -> Schema:
    found = {status: _refusal(PROBLEMS[status]) for status in statuses}
    for status, description in GATEWAY_PROBLEMS.items():
        found[status] = {"description": description, "content": _PROBLEM | _MESSAGE}
    for status in GATEWAY_TOO & found.keys():
        found[status]["content"] = _PROBLEM | _MESSAGE
    return found


def _refusal(description: str) -> Schema:
    return {"description": description, "content": _PROBLEM}


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_MESSAGE = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}


def _message() -> Schema:
    return {
        "type": "object",
        "description": "An answer of API Gateway's own",
        "properties": {"message": {"type": "string"}},
    }


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
