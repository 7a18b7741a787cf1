"""The gateway's HTTP surface as an OpenAPI document, for tests that make requests from it."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 8}
_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["system", "user", "assistant", "tool"]},
        "content": {"anyOf": [_TEXT, {"type": "array", "items": {"type": "object"}}]},
        "name": _TEXT,
    },
}
_BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {
        "messages": {"type": "array", "items": _MESSAGE, "minItems": 1, "maxItems": 4},
        "model": _TEXT,
        "max_tokens": _COUNT,
        "n": _COUNT,
        "stream": {"type": "boolean"},
        "stream_options": {"type": "object"},
        "temperature": {"type": "number"},
        "tools": {"type": "array", "items": {"type": "object"}},
    },
    "embeddings": {
        "input": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
        "model": _TEXT,
        "dimensions": _COUNT,
    },
    "responses": {
        "input": {"anyOf": [_TEXT, {"type": "array", "items": {"type": "object"}}]},
        "model": _TEXT,
        "previous_response_id": _TEXT,
        "conversation": {"anyOf": [_TEXT, {"type": "object"}]},
        "max_output_tokens": _COUNT,
        "stream": {"type": "boolean"},
    },
    "images/generations": {
        "prompt": _TEXT,
        "model": _TEXT,
        "n": _COUNT,
        "size": {"enum": ["1024x1024", "auto"]},
    },
}
_ANSWERS = {"default": {"description": "an answer, or an error in Azure's form"}}


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _post(body: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object", "properties": body}}}
    return {
        "post": {
            "parameters": list(parameters),
            "requestBody": {"required": True, "content": content},
            "responses": _ANSWERS,
        }
    }


def _get(*parameters: dict[str, Any]) -> dict[str, Any]:
    return {"get": {"parameters": list(parameters), "responses": _ANSWERS}}


def described() -> dict[str, Any]:
    """The document."""
    version = _parameter("api-version", "query", _TEXT)
    name = _parameter("deployment", "path", {"type": "string", "minLength": 1})
    item = _parameter("item", "path", {"type": "string", "minLength": 1})
    paths = {
        path: _get() for path in ("/health/live", "/health/ready", "/metrics", "/gateway/backends")
    }
    for operation, body in _BODIES.items():
        paths[f"/openai/v1/{operation}"] = _post(body, version)
        paths[f"/openai/deployments/{{deployment}}/{operation}"] = _post(body, name, version)
    paths["/openai/v1/responses/{item}"] = _get(item)
    return {"openapi": "3.1.0", "info": {"title": "gateway", "version": "1"}, "paths": paths}
