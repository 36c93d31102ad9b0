"""An OpenAPI document as a page for people: no script, nothing from elsewhere. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import orjson

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 900px; margin: 0 auto; padding: 16px; font: 15px/1.5 system-ui, sans-serif; }
h2 { margin-top: 32px; font-size: 17px; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 8px 0; }
th, td { text-align: left; vertical-align: top; padding: 4px 10px 4px 0;
  border-bottom: 1px solid #8886; overflow-wrap: break-word; }
th { font-weight: 600; }
pre { padding: 10px; border: 1px solid #8886; border-radius: 8px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
code { font-size: 14px; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content-Security-Policy of the page."""
_REFERENCE = "#/components/schemas/"


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>{escape(info['description'])}</p>",
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(method, path, operation)
    parts += ["<h2>What is sent and answered</h2>"]
    for name, schema in document["components"]["schemas"].items():
        parts += _schema(name, schema)
    return "".join([*parts, "</body></html>"])


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(operation["operationId"])}">'
    yield f"<code>{escape(method.upper())} {escape(path)}</code></h2>"
    words = f"{operation['summary']}. {operation.get('description', '')}"
    yield f"<p>{escape(words.strip())}</p>"
    if operation.get("parameters"):
        yield _table(
            ("Parameter", "In", "What"),
            [
                tuple(
                    map(
                        escape, (one["name"], one["in"], _also(one["description"], one["required"]))
                    )
                )
                for one in operation["parameters"]
            ],
        )
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if sent:
        yield f"<p>Body: {_kind(sent['schema'])}</p>"
        if "example" in sent:
            example = orjson.dumps(sent["example"], option=orjson.OPT_INDENT_2).decode()
            yield f"<pre>{escape(example)}</pre>"
    rows = []
    for status, told in operation["responses"].items():
        schemas = [_kind(one["schema"]) for one in told.get("content", {}).values()]
        rows.append((escape(status), escape(told["description"]), ", ".join(schemas)))
    yield _table(("Status", "When", "Body"), rows)


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(name)}"><code>{escape(name)}</code></h2>'
    if schema.get("description"):
        yield f"<p>{escape(schema['description'])}</p>"
    required = schema.get("required", ())
    rows = [
        (escape(field), _kind(told), escape(_also(told.get("description", ""), field in required)))
        for field, told in schema.get("properties", {}).items()
    ]
    yield _table(("Field", "Type", "What"), rows)


def _also(words: str, required: bool) -> str:
    return f"{words} (required)".strip() if required else words


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a schema, in words and with a link."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).removeprefix(_REFERENCE))
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_kind, schema["anyOf"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(kind))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows whose cells are markup already."""
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
