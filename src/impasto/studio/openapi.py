"""The OpenAPI 3.1 document, generated from the table of endpoints."""

import re
from collections.abc import Sequence
from typing import Any

from impasto._version import __version__
from impasto.recipe import Recipe
from impasto.studio.endpoints import JSON, Endpoint
from impasto.studio.queue import STATES

_ID = {"type": "string", "description": "made by the studio"}
_NULLABLE_ID = {"type": ["string", "null"]}
_NUMBER = {"type": ["number", "null"]}
_SIZE = {"type": ["array", "null"], "items": {"type": "integer"}, "description": "height, width in pixels"}
_TEXTS = {"type": "array", "items": {"type": "string"}}

_REQUEST: dict[str, Any] = {
    "content": {**_NULLABLE_ID, "description": "the photograph; null paints a texture, or with masks a doodle"},
    "styles": {"type": "array", "items": {"type": "string"}},
    "content_mask": _NULLABLE_ID,
    "style_masks": {"type": "array", "items": _NULLABLE_ID, "description": "in the styles' order"},
    "region_names": {
        "type": ["object", "array", "null"],
        "description": 'by the colours of the masks, as in {"#804080": "road"}; a list names the levels 0, 1, ...',
    },
    "init": {**_NULLABLE_ID, "description": "the picture to begin with, for methods that optimise"},
    "landmarks": {
        "type": ["object", "null"],
        "description": "content and style: the same points of both faces, [x, y] in fractions, for portraits",
    },
    "recipe": {"type": "object", "description": "settings that are changed; /api/schema describes them"},
    "preset": {"type": ["string", "null"]},
    "title": {"type": "string"},
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string", "description": "one line that a person can act on"}},
    },
    "Recipe": {"type": "object", "description": "every setting; /api/schema describes them"},
    "Picture": {
        "type": "object",
        "required": ["id", "name", "width", "height"],
        "properties": {
            "id": _ID,
            "name": {"type": "string"},
            "width": {"type": "integer"},
            "height": {"type": "integer"},
            "role": {"enum": ["content", "style", "mask"]},
            "created": {"type": "number", "description": "seconds since 1970"},
            "has_alpha": {"type": "boolean"},
        },
    },
    "Upload": {
        "allOf": [{"$ref": "#/components/schemas/Picture"}],
        "type": "object",
        "properties": {
            "notices": _TEXTS,
            "recipe": {"type": ["object", "null"], "description": "of a picture that impasto painted"},
            "restored": {"type": ["object", "null"], "description": "pictures of this studio that it was made of"},
            "missing": {**_TEXTS, "description": "what it was made of that is not here"},
        },
    },
    "JobRequest": {"type": "object", "required": ["styles"], "properties": _REQUEST},
    "SweepRequest": {
        "type": "object",
        "required": ["job", "axes"],
        "properties": {
            "job": {"$ref": "#/components/schemas/JobRequest"},
            "axes": {
                "type": "object",
                "description": "one or two: settings with lists of values; content, style with ids of pictures",
            },
        },
    },
    "Sweep": {
        "type": "object",
        "properties": {
            "sweep": _ID,
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
        },
    },
    "Crop": {
        "type": "object",
        "required": ["picture", "left", "top", "width", "height"],
        "properties": {"picture": _ID, **{key: {"type": "integer"} for key in ("left", "top", "width", "height")}},
    },
    "AutoMasks": {
        "type": "object",
        "required": ["content", "style"],
        "properties": {"content": _ID, "style": _ID, "regions": {"type": "integer", "description": "0: chosen"}},
    },
    "Job": {
        "type": "object",
        "properties": {
            "id": _ID,
            **_REQUEST,
            "state": {"enum": list(STATES)},
            "sweep": _NULLABLE_ID,
            "cell": {"type": ["object", "null"]},
            "place": {"type": "number", "description": "what waits is painted from the least place on"},
            "created": {"type": "number"},
            "started": _NUMBER,
            "finished": _NUMBER,
            "step": {"type": "integer"},
            "total_steps": {"type": "integer"},
            "level": {"type": "integer"},
            "levels": {"type": "integer"},
            "loss": _NUMBER,
            "losses": {"type": "object"},
            "elapsed_s": _NUMBER,
            "eta_s": _NUMBER,
            "size": _SIZE,
            "preview_version": {"type": "integer"},
            "error": {"type": ["string", "null"]},
            "notices": _TEXTS,
            "starred": {"type": "boolean"},
            "kept": {"type": "boolean", "description": "there is a result"},
        },
    },
    "JobChange": {
        "type": "object",
        "properties": {"title": {"type": "string"}, "starred": {"type": "boolean"}},
    },
    "UseJob": {"type": "object", "properties": {"role": {"enum": ["content", "style"]}}},
    "Estimate": {
        "type": "object",
        "properties": {
            "seconds": {"type": "number"},
            "memory_bytes": {"type": "integer"},
            "tiles": {"type": ["integer", "null"]},
            "levels": {"type": "integer"},
            "size": _SIZE,
            "notices": _TEXTS,
        },
    },
    "Command": {"type": "object", "properties": {"argv": _TEXTS, "shell": {"type": "string"}}},
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Describe the API."""
    schemas = {**SCHEMAS, "Recipe": _recipe()}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "impasto studio",
            "version": __version__,
            "summary": "Paint photographs like paintings.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "where one was given"}},
        },
        "security": [{}, {"token": []}],
    }


def _recipe() -> dict[str, Any]:
    schema = Recipe.model_json_schema()
    schema.pop("$defs", None)
    return schema


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    where = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    asked = [
        {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in endpoint.query.items()
    ]
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": endpoint.summary,
        "parameters": [*where, *asked],
        "responses": {
            str(endpoint.status): {"description": "done", **_content(endpoint.gives)},
            **{str(status): _error() for status in sorted({401, 403, *endpoint.errors})},
        },
    }
    if endpoint.takes == "bytes":
        operation["requestBody"] = {"required": True, "content": {"image/*": {}, "application/octet-stream": {}}}
        name = {"name": "X-Name", "in": "header", "description": "the file's name, percent-encoded"}
        operation["parameters"].append({**name, "schema": {"type": "string"}})
    elif endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": _schema(endpoint.takes)}}}
    return operation


def _content(gives: str) -> dict[str, Any]:
    if gives == "nothing":
        return {}
    if gives == "bytes":
        return {"content": {"image/*": {}}}
    if gives == "events":
        return {"content": {"text/event-stream": {}}}
    return {"content": {JSON: {"schema": _schema(gives)}}}


def _schema(name: str) -> dict[str, Any]:
    if name.endswith("[]"):
        return {"type": "array", "items": _schema(name[:-2])}
    return {"$ref": f"#/components/schemas/{name}"} if name in SCHEMAS else {"type": name}


def _error() -> dict[str, Any]:
    return {"description": "refused, with the reason", "content": {JSON: {"schema": _schema("Error")}}}
