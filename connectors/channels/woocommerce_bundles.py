"""Which line of a WooCommerce order is a part of which: bundles of the common extensions.

A part names its container by the id of its line in a field, or by the container's cart key in its
meta. Source: Product Bundles, Composite Products and Mix and Match Products, REST reference and
order item meta.
"""

from __future__ import annotations

from connectors.channels.mapping import Fields, Rejected

_FIELDS = ("bundled_by", "composite_parent", "child_of")
"""Fields of a part that hold the id of its container's line; empty for a line that is none."""
_META = {
    "_bundled_by": "_bundle_cart_key",
    "_composite_parent": "_composite_cart_key",
    "_mnm_container": "_mnm_cart_key",
}
"""Meta of a part by the meta of the container whose value it has."""


def containers(lines: list[Fields]) -> dict[str, str]:
    """The container's line id, by the line id of each part, which may be a container too.

    Raises Rejected where two contain each other.
    """
    keys: dict[tuple[str, str], str] = {}
    for line in lines:
        for key, value in _meta(line).items():
            keys[key, value] = line.identifier("id")
    known = {line.identifier("id") for line in lines}
    direct: dict[str, str] = {}
    for line in lines:
        line_id = line.identifier("id")
        container = _by_field(line) or _by_meta(line, keys)
        if container in known and container != line_id:
            direct[line_id] = container
    for part in direct:
        _check_ends(part, direct)
    return direct


def _check_ends(part: str, direct: dict[str, str]) -> None:
    """Raise Rejected where containers contain each other."""
    seen = {part}
    at = part
    while (at := direct.get(at, "")) and at not in seen:
        seen.add(at)
    if at:
        raise Rejected("invalid_identifier", "line_items", "line_items has parts of each other")


def _by_field(line: Fields) -> str:
    for name in _FIELDS:
        value = line.raw(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value:
            return str(value).strip()
    return ""


def _by_meta(line: Fields, keys: dict[tuple[str, str], str]) -> str:
    meta = _meta(line)
    return next(
        (
            keys[container, meta[part]]
            for part, container in _META.items()
            if part in meta and (container, meta[part]) in keys
        ),
        "",
    )


def _meta(line: Fields) -> dict[str, str]:
    """A line's meta whose values are text. What is no such list names no bundle."""
    found = line.raw("meta_data")
    if not isinstance(found, list):
        return {}
    pairs = ((meta.get("key"), meta.get("value")) for meta in found if isinstance(meta, dict))
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}
