"""Data keys, what is encrypted with them, and the pseudonyms of customers.

Deterministic authenticated encryption, because rooms replay: the same content under the same key
and name gives the same bytes, and two contents never share a keystream.
Source: RFC 5297 (AES-SIV), as AEAD_AES_SIV_CMAC_512.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Sequence

import cramjam
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connectors.vault.master import MasterKeys, Unreadable
from schemas.customers import Contact, KeyIssued

SECRET_BYTES = 64
PSEUDONYM_LENGTH = 26
"""In base32: 130 bits."""
HASHED_BYTES = 20
"""As many as base32 needs no padding for."""
PACKED_FROM_BYTES = 256
"""Encrypted bytes cannot be packed any more, so what is longer is packed before."""
PAYLOAD, ORDER, PROFILE = b"payload", b"order", b"profile"
"""What a sealed piece is; with its name, what it is bound to."""

_PLAIN, _PACKED = b"\0", b"\1"
_NO_DIGIT = re.compile(r"[\s().\-/]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


class DataKey:
    """Encrypts and decrypts for the customers that it was issued for."""

    __slots__ = ("_cipher", "_secret", "key_id")

    def __init__(self, key_id: str, secret: bytes) -> None:
        self.key_id = key_id
        self._secret = secret
        self._cipher = AESSIV(secret)

    def seal(self, kind: bytes, name: str, content: bytes) -> bytes:
        """`content`, readable only with this key and under the same kind and name."""
        text = _PLAIN + content
        if len(content) >= PACKED_FROM_BYTES:
            packed = _PACKED + bytes(cramjam.lz4.compress_block(content))
            text = min(text, packed, key=len)
        return self._cipher.encrypt(text, [kind, name.encode()])

    def open(self, kind: bytes, name: str, sealed: bytes) -> bytes:
        """The content. Raises Unreadable."""
        try:
            text = self._cipher.decrypt(sealed, [kind, name.encode()])
        except (InvalidTag, ValueError):
            raise Unreadable(f"{kind.decode()} {name} is not of key {self.key_id}") from None
        if text[:1] == _PLAIN:
            return text[1:]
        return bytes(cramjam.lz4.decompress_block(text[1:]))

    def derived(self, key_id: str) -> DataKey:
        """A key of its own for one of those whom a payload names; the same for the same id."""
        return DataKey(key_id, hmac.digest(self._secret, key_id.encode(), "sha512"))


class Vault:
    """Issues keys and names customers, with the master keys."""

    def __init__(self, master: MasterKeys) -> None:
        """Take the master keys."""
        self._master = master

    def new_key(self, key_id: str) -> DataKey:
        """A key that nothing else tells: once it is erased, it is gone."""
        return DataKey(key_id, os.urandom(SECRET_BYTES))

    def key_of_plain(self, key_id: str, payload: bytes) -> DataKey:
        """A key for what was read from a payload that is not encrypted itself."""
        seed = self._master.keyed_hash(b"plain\0" + hashlib.blake2b(payload).digest(), 64)
        return DataKey(key_id, seed).derived(key_id)

    def issued(self, key: DataKey, subjects: Sequence[str], now_ms: int) -> KeyIssued:
        """The record that keeps the key."""
        wrapped = self._master.wrap(key._secret, key.key_id)
        return KeyIssued(key.key_id, list(subjects), wrapped, now_ms)

    def key(self, issued: KeyIssued) -> DataKey:
        """The key that a record keeps. Raises Unreadable."""
        return DataKey(issued.key_id, self._master.unwrap(issued.wrapped, issued.key_id))

    def customer_id(self, channel: str, contact: Contact) -> str:
        """Who a contact is, by the first of what is there; empty where nothing is.

        A verified e-mail address or phone is the same customer on every channel. What is not
        verified, somebody else may have typed: it counts within its channel, as the channel's own
        number of the customer does.
        """
        email, phone = normal_email(contact.email), normal_phone(contact.phone)
        if email and contact.email_verified:
            return self.pseudonym("email", email)
        if phone and contact.phone_verified:
            return self.pseudonym("phone", phone)
        if contact.channel_customer_id:
            return self.pseudonym("customer", channel, contact.channel_customer_id)
        if email:
            return self.pseudonym("email", channel, email)
        return self.pseudonym("phone", channel, phone) if phone else ""

    def named_by(self, text: str, channels: Sequence[str]) -> list[str]:
        """Every customer id that an e-mail address or a phone can have led to; none for others."""
        email, phone = normal_email(text), normal_phone(text)
        kind, value = ("email", email) if email else ("phone", phone)
        if not value:
            return []
        of_channels = [self.pseudonym(kind, channel, value) for channel in sorted(channels)]
        return [self.pseudonym(kind, value), *of_channels]

    def pseudonym(self, *of: str) -> str:
        """A customer id: the same for the same words, and nobody can get back from it to them."""
        hashed = self._master.keyed_hash("\0".join(("customer", *of)).encode(), HASHED_BYTES)
        return f"c-{base64.b32encode(hashed).decode().lower()[:PSEUDONYM_LENGTH]}"

    def personal_hash(self, name: str, personal: bytes) -> int:
        """63 bits that tell a change of what is personal of `name` from a repeat."""
        hashed = self._master.keyed_hash(b"personal\0" + name.encode() + b"\0" + personal, 8)
        return int.from_bytes(hashed, "big") >> 1


def normal_email(text: str) -> str:
    """The address in the one form that pseudonyms are made of; empty where it is none.

    Capitals do not matter: no provider of note tells addresses apart by them, though RFC 5321,
    2.4, would let them.
    """
    address = unicodedata.normalize("NFKC", text).strip().casefold()
    local, at, domain = address.rpartition("@")
    return address if at and local and "." in domain and " " not in address else ""


def normal_phone(text: str) -> str:
    """E.164, e.g. +4930123456; empty where the number names no country, or is none."""
    number = _NO_DIGIT.sub("", unicodedata.normalize("NFKC", text))
    if number.startswith("00"):
        number = f"+{number[2:]}"
    return number if _E164.fullmatch(number) else ""
