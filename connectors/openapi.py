"""An OpenAPI 3.1 document out of the same table that an API's routes are made of.

Source: the OpenAPI Specification 3.1.0. Schemas are JSON Schema 2020-12, which msgspec makes of our
structs; a field's description is its `msgspec.Meta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from connectors.http_api import Handler, expect

VERSION = "3.1.0"
_REFERENCE = "#/components/schemas/{name}"


class FaultTold(msgspec.Struct, frozen=True, omit_defaults=True, rename={"told": "detail"}):
    """One thing that is wrong with the request."""

    told: Annotated[str, Meta(description="a sentence for a person")]
    pointer: Annotated[str, Meta(description="of the field in the body (RFC 6901)")] = ""
    parameter: Annotated[str, Meta(description="its name, where it is not in the body")] = ""
    reason: Annotated[str, Meta(description="a word for programs")] = ""


class ProblemTold(msgspec.Struct, frozen=True, omit_defaults=True, rename={"kind": "type"}):
    """Why there is no success (RFC 9457)."""

    kind: Annotated[str, Meta(description="a URN that ends in a word, or about:blank")]
    title: str
    status: int
    detail: Annotated[str, Meta(description="a sentence for a person")]
    errors: list[FaultTold] = []


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a path, a query or a header."""

    name: str
    place: str
    """path, query or header"""
    description: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False

    def told(self) -> dict[str, Any]:
        """As the document has it."""
        return {
            "name": self.name,
            "in": self.place,
            "description": self.description,
            "required": self.required or self.place == "path",
            "schema": self.schema,
        }


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, and what the document says of it."""

    method: str
    path: str
    handler: Handler
    name: str
    """operationId"""
    summary: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    example: Any = None
    """of the body"""
    answers: tuple[tuple[int, str, type[msgspec.Struct] | None], ...] = ()
    """status, what it means, and what the body is"""
    problems: tuple[int, ...] = ()
    """statuses that are answered with a problem"""
    is_open: bool = False
    """asked without a token"""

    def told(self) -> dict[str, Any]:
        """As the document has it."""
        answers: dict[str, Any] = {
            str(status): _content(meaning, kind, "application/json")
            for status, meaning, kind in self.answers
        }
        for status in self.problems:
            told = _content(HTTPStatus(status).phrase, ProblemTold, "application/problem+json")
            if status in (429, 503):
                told["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
            answers[str(status)] = told
        found: dict[str, Any] = {
            "operationId": self.name,
            "summary": self.summary,
            **({"description": self.description} if self.description else {}),
            "parameters": [one.told() for one in self.parameters],
            "responses": answers,
            **({"security": []} if self.is_open else {}),
        }
        if self.body is not None:
            content: dict[str, Any] = {"schema": _schema(self.body)}
            if self.example is not None:
                content["example"] = self.example
            found["requestBody"] = {"required": True, "content": {"application/json": content}}
        return found


def _schema(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _content(meaning: str, kind: type[msgspec.Struct] | None, media: str) -> dict[str, Any]:
    if kind is None:
        return {"description": meaning}
    return {"description": meaning, "content": {media: {"schema": _schema(kind)}}}


def document(
    title: str, version: str, description: str, operations: Sequence[Operation]
) -> dict[str, Any]:
    """The whole document."""
    kinds: dict[str, type[msgspec.Struct]] = {ProblemTold.__name__: ProblemTold}
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = one.told()
        for kind in (one.body, *(told for _, _, told in one.answers)):
            if kind is not None:
                kinds[kind.__name__] = kind
    _, schemas = msgspec.json.schema_components(kinds.values(), ref_template=_REFERENCE)
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def add(app: web.Application, operations: Sequence[Operation]) -> None:
    """Give the application a route for each operation; a GET also answers HEAD."""
    for one in operations:
        if one.method == "GET":
            app.router.add_get(one.path, one.handler, expect_handler=expect)
        else:
            app.router.add_route(one.method, one.path, one.handler, expect_handler=expect)
