"""Reads what a client sends to the fake, and refuses whatever Stripe's reference does not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

Parameters = dict[str, str]
Kind = Callable[[str], bool]


class Rejection(Exception):
    """An answer 4xx, as Stripe words it."""

    def __init__(
        self, status: int, kind: str, code: str = "", param: str = "", decline: str = ""
    ) -> None:
        super().__init__(status, kind, code, param)
        self.status = status
        self.error = {"type": kind, "message": f"no such thing: {param or code or kind}"}
        for name, value in (("code", code), ("param", param), ("decline_code", decline)):
            if value:
                self.error[name] = value


def integer(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,18}", text) is not None


def boolean(text: str) -> bool:
    return text in ("true", "false")


def one_of(*words: str) -> Kind:
    return lambda text: text in words


def text(limit: int) -> Kind:
    return lambda value: 0 < len(value) <= limit


EXPAND = {r"expand\[\d+\]": one_of("latest_charge")}
METADATA = {r"metadata\[[^\[\]]{1,40}\]": text(500)}
CREATE: Mapping[str, Kind] = {
    "amount": integer,
    "currency": lambda value: re.fullmatch("[a-z]{3}", value) is not None,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    r"payment_method_types\[\d+\]": one_of("card"),
    r"payment_method_options\[card\]\[request_multicapture\]": one_of("if_available", "never"),
    "description": text(1000),
    **METADATA,
    **EXPAND,
}
CONFIRM: Mapping[str, Kind] = {
    "payment_method": text(300),
    r"payment_method_data\[type\]": one_of("card"),
    r"payment_method_data\[card\]\[token\]": text(300),
    "error_on_requires_action": boolean,
    "off_session": boolean,
    **EXPAND,
}
CAPTURE: Mapping[str, Kind] = {
    "amount_to_capture": integer,
    "final_capture": boolean,
    **METADATA,
    **EXPAND,
}
CANCEL: Mapping[str, Kind] = {
    "cancellation_reason": one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
    **EXPAND,
}
REFUND: Mapping[str, Kind] = {
    "payment_intent": text(300),
    "amount": integer,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    **METADATA,
}
READ: Mapping[str, Kind] = EXPAND
SEARCH: Mapping[str, Kind] = {"query": text(500), "limit": integer, "page": text(300)}
LIST_REFUNDS: Mapping[str, Kind] = {
    "payment_intent": text(300),
    "limit": integer,
    "starting_after": text(300),
    "ending_before": text(300),
}
REQUIRED = {id(CREATE): ("amount", "currency"), id(SEARCH): ("query",)}


def read(content: str, wanted: Mapping[str, Kind]) -> Parameters:
    """The parameters, each of its type. Raises Rejection."""
    pairs = parse_qsl(content, keep_blank_values=True, strict_parsing=bool(content))
    found: Parameters = {}
    for name, value in pairs:
        kind = next((kind for each, kind in wanted.items() if re.fullmatch(each, name)), None)
        if kind is None:
            raise Rejection(400, "invalid_request_error", "parameter_unknown", name)
        if name in found:
            raise Rejection(400, "invalid_request_error", "parameter_invalid_string", name)
        if not kind(value):
            code = "parameter_invalid_integer" if kind is integer else "parameter_invalid_string"
            raise Rejection(400, "invalid_request_error", code, name)
        found[name] = value
    for name in REQUIRED.get(id(wanted), ()):
        if name not in found:
            raise Rejection(400, "invalid_request_error", "parameter_missing", name)
    return found


def metadata(parameters: Parameters) -> dict[str, str]:
    return {
        name.removeprefix("metadata[").removesuffix("]"): value
        for name, value in parameters.items()
        if name.startswith("metadata[")
    }
