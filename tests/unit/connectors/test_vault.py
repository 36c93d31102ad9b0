"""What is encrypted opens with its key, under its name, and in no other way."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.vault.master import BadMasterKey, MasterKeys, Unreadable, create
from connectors.vault.sealing import ORDER, PAYLOAD, normal_email, normal_phone
from schemas.customers import Contact
from tests.unit.connectors.vault import KEY, OTHER_KEY, vault

ADA = Contact(name="Ada", email="Ada@Example.org", email_verified=True)


@given(st.binary(max_size=2_000))
def test_what_is_sealed_opens_and_is_the_same_each_time(content: bytes) -> None:
    key = vault().new_key("k")
    sealed = key.seal(PAYLOAD, "raw-1", content)
    assert key.open(PAYLOAD, "raw-1", sealed) == content
    assert key.seal(PAYLOAD, "raw-1", content) == sealed


def test_nothing_of_the_content_shows() -> None:
    text = b"Zwiebelfischgasse 77, Obergurgelbach" * 20
    sealed = vault().new_key("k").seal(PAYLOAD, "raw-1", text)
    assert b"Zwiebel" not in sealed
    assert len(sealed) < len(text), "what repeats is packed before it is encrypted"


def test_another_key_opens_nothing() -> None:
    sealed = vault().new_key("k").seal(PAYLOAD, "raw-1", b"x")
    with pytest.raises(Unreadable, match="raw-1 is not of key k"):
        vault().new_key("k").open(PAYLOAD, "raw-1", sealed)


@pytest.mark.parametrize(("kind", "name"), [(PAYLOAD, "raw-2"), (ORDER, "raw-1")])
def test_what_is_moved_elsewhere_does_not_open(kind: bytes, name: str) -> None:
    key = vault().new_key("k")
    sealed = key.seal(PAYLOAD, "raw-1", b"x")
    with pytest.raises(Unreadable):
        key.open(kind, name, sealed)


@given(st.data())
def test_a_changed_bit_is_noticed(data: st.DataObject) -> None:
    key = vault().new_key("k")
    sealed = bytearray(key.seal(PAYLOAD, "raw-1", b"some content"))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(Unreadable):
        key.open(PAYLOAD, "raw-1", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", b"\0" * 16])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        vault().new_key("k").open(PAYLOAD, "raw-1", sealed)


def test_a_key_comes_back_from_its_record() -> None:
    key = vault().new_key("k")
    sealed = key.seal(PAYLOAD, "raw-1", b"x")
    issued = vault().issued(key, ["c-1"], 5)
    assert (issued.key_id, issued.subjects, issued.at_ms) == ("k", ["c-1"], 5)
    assert vault().key(issued).open(PAYLOAD, "raw-1", sealed) == b"x"


def test_a_derived_key_is_the_same_each_time_and_opens_nothing_of_its_source() -> None:
    key = vault().new_key("k")
    sealed = key.derived("k.c-1").seal(ORDER, "o-1", b"x")
    assert key.derived("k.c-1").open(ORDER, "o-1", sealed) == b"x"
    for other in (key, key.derived("k.c-2")):
        with pytest.raises(Unreadable):
            other.open(ORDER, "o-1", sealed)


def test_a_key_that_is_renamed_does_not_unwrap() -> None:
    issued = vault().issued(vault().new_key("k"), [], 0)
    with pytest.raises(Unreadable, match="other is damaged"):
        MasterKeys([KEY]).unwrap(issued.wrapped, "other")


def test_a_new_master_key_on_top_unwraps_what_the_old_one_wrapped() -> None:
    old, rotated = vault(KEY), vault(OTHER_KEY, KEY)
    key = old.new_key("k")
    sealed = key.seal(PAYLOAD, "raw-1", b"x")
    assert rotated.key(old.issued(key, [], 0)).open(PAYLOAD, "raw-1", sealed) == b"x"
    with pytest.raises(Unreadable, match="a master key that is not given"):
        old.key(rotated.issued(key, [], 0))


def test_a_new_master_key_on_top_changes_no_pseudonym() -> None:
    assert vault(OTHER_KEY, KEY).customer_id("shop", ADA) == vault().customer_id("shop", ADA)
    assert vault(OTHER_KEY).customer_id("shop", ADA) != vault().customer_id("shop", ADA)


def test_a_verified_address_is_one_customer_on_every_channel() -> None:
    lower = Contact(email="ada@example.org ", email_verified=True, channel_customer_id="9")
    assert vault().customer_id("pos", lower) == vault().customer_id("shop", ADA)
    assert vault().customer_id("shop", ADA).startswith("c-")
    assert len(vault().customer_id("shop", ADA)) == 28


def test_a_verified_phone_counts_where_there_is_no_verified_address() -> None:
    one = Contact(email="ada@example.org", phone="+49 (30) 123-456", phone_verified=True)
    other = Contact(phone="004930123456", phone_verified=True, channel_customer_id="9")
    assert vault().customer_id("shop", one) == vault().customer_id("pos", other)


def test_what_is_not_verified_counts_within_its_channel_alone() -> None:
    typed = Contact(email="ada@example.org")
    assert vault().customer_id("shop", typed) != vault().customer_id("shop", ADA)
    assert vault().customer_id("shop", typed) != vault().customer_id("pos", typed)
    numbered = Contact(email="ada@example.org", channel_customer_id="9")
    assert vault().customer_id("shop", numbered) == vault().customer_id(
        "shop", Contact(channel_customer_id="9")
    )


def test_nobody_has_no_id() -> None:
    assert vault().customer_id("shop", Contact(name="Ada", company="Ltd")) == ""


def test_an_address_leads_to_every_id_that_it_can_have_made() -> None:
    ids = vault().named_by("ADA@example.org", ["shop", "pos"])
    assert vault().customer_id("shop", ADA) == ids[0]
    assert vault().customer_id("pos", Contact(email="ada@example.org")) in ids
    assert vault().named_by("Ada", ["shop"]) == []


def test_the_hash_of_what_is_personal_tells_a_change_and_differs_by_order() -> None:
    same = vault().personal_hash("o-1", b"x")
    assert same == vault().personal_hash("o-1", b"x") < 2**63
    assert same not in (vault().personal_hash("o-1", b"y"), vault().personal_hash("o-2", b"x"))


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.org", "a da@example.org", "a@b"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert normal_email(text) == ""


@pytest.mark.parametrize("text", ["", "030 123456", "+49", "+0123456789", "+4930x123456"])
def test_a_phone_without_its_country_is_none(text: str) -> None:
    assert normal_phone(text) == ""


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "vault.key"
    create(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    create(file)
    assert file.read_text() == before
    MasterKeys(before.split())


@pytest.mark.parametrize("lines", [[], ["not base64!"], ["c2hvcnQ="]])
def test_what_is_no_master_key_is_refused_without_a_word_of_it(lines: list[str]) -> None:
    with pytest.raises(BadMasterKey) as refused:
        MasterKeys(lines)
    assert not any(line in str(refused.value) for line in lines)
