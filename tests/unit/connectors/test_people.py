"""Whom an order names: read leniently, from every channel."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels import people
from connectors.channels.registry import CHANNELS
from schemas.customers import Contact, Personalisation
from schemas.orders import Address, PlaceOrder
from tests.unit.connectors.shopify_order import shopify_order

NOW = 1_709_300_000_000
ADDRESS = Address("Ada", "Street 1", "", "Bremen", "HB", "28195", "DE", 53.0793, 8.8017)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ("customer", "email", "phone", "id", "name", "lines", "line_items", "lineItems",
             "personalisation", "properties", "billing", "billing_address", "note", "nodes")
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def test_a_json_order_names_its_customer() -> None:
    customer = {
        "id": 7, "name": " Ada ", "company": "Ltd", "email": "ada@example.org",
        "email_verified": True, "phone": "+49 30 123456", "phone_verified": True,
    }  # fmt: skip
    assert people.of_json({"customer": customer}) == Contact(
        "Ada", "Ltd", "ada@example.org", True, "+49 30 123456", True, "7"
    )


def test_shopify_names_the_same_customer_in_both_of_its_languages() -> None:
    rest = {
        "email": "typed@example.org",
        "customer": {"id": 55, "email": "ada@example.org", "verified_email": True,
                     "first_name": "Ada", "last_name": "L", "phone": "+4930123456"},
    }  # fmt: skip
    graphql = {
        "email": "typed@example.org",
        "customer": {"id": "gid://shopify/Customer/55", "verifiedEmail": True,
                     "defaultEmailAddress": {"emailAddress": "ada@example.org"},
                     "firstName": "Ada", "lastName": "L",
                     "defaultPhoneNumber": {"phoneNumber": "+4930123456"}},
    }  # fmt: skip
    assert people.of_shopify(rest) == people.of_shopify(graphql)
    assert people.of_shopify(rest).channel_customer_id == "55"


def test_an_address_that_was_typed_at_the_checkout_is_not_verified() -> None:
    order = {"email": "typed@example.org", "customer": {"id": 55, "verified_email": True}}
    assert people.of_shopify(order) == Contact(email="typed@example.org", channel_customer_id="55")


def test_personalisation_is_read_from_the_lines() -> None:
    order = shopify_order(
        note="Ring twice",
        line_items=[{"id": 1, "sku": "MUG", "quantity": 1, "price": "31.90",
                     "properties": [{"name": "Engraving", "value": "For E."}, "torn"]}],
    )  # fmt: skip
    (placed,) = CHANNELS["shopify"].orders(json.dumps(order).encode(), "", "raw", NOW)
    assert isinstance(placed, PlaceOrder)
    personal = people.read(placed)
    assert personal.personalisation == [Personalisation("1", "Engraving", "For E.")]
    assert personal.note == "Ring twice"


def test_an_order_without_anything_personal_has_none() -> None:
    nowhere = Address("", "", "", "", "", "", "DE", 53.0, 8.0)
    assert people.personal_json({"external_id": "1"}, nowhere) == b""
    assert people.personal_json({"external_id": "1"}, ADDRESS) != b""


@pytest.mark.parametrize(
    ("code", "kept"), [("28195", "281"), ("SW1A 1AA", "SW1"), ("K1A 0B1", "K1A"), ("", "")]
)
def test_of_a_postal_code_the_first_signs_stay(code: str, kept: str) -> None:
    shown = people.coarse(Address("", "", "", "", "", code, "", 0.0, 0.0))
    assert shown.postal_code == kept


@given(JSON_VALUES, st.sampled_from(sorted(CHANNELS)))
def test_whatever_comes_nothing_raises(value: object, channel: str) -> None:
    payload = json.dumps(value).encode()
    CHANNELS[channel].contacts(payload, "")
    people.personal_json(value, ADDRESS)
    people.personal_shopify(value, ADDRESS)


def test_every_row_of_a_file_may_name_somebody() -> None:
    header = "external_id,placed_at,currency,sku,quantity,unit_price,total,payment_token,email\n"
    rows = "1,x,EUR,A,1,1,1,t,ada@example.org\n2,x,EUR,A,1,1,1,t,ben@example.org\n"
    found = CHANNELS["csv"].contacts((header + rows).encode(), "")
    assert [one.email for one in found] == ["ada@example.org", "ben@example.org"]
    assert CHANNELS["csv"].contacts(b"nothing of the kind", "") == []
