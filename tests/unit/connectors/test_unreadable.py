"""What is not of a channel's format at all is unreadable, whichever channel it is given to."""

from __future__ import annotations

import pytest

from connectors.channels.mapping import Rejected
from connectors.channels.registry import CHANNELS


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"hello": 1}', b"7", b"null", b"<a/>", b"\xff"])
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_what_has_nothing_of_a_format_is_unreadable(name: str, payload: bytes) -> None:
    (result,) = CHANNELS[name].orders(payload, "", "raw-1", 1)
    assert isinstance(result, Rejected)
    assert result.reason == "unreadable"
    assert isinstance(CHANNELS[name].contacts(payload, ""), list)


@pytest.mark.parametrize("name", sorted(set(CHANNELS) - {"csv", "edi-x12", "edifact"}))
def test_one_that_is_unreadable_does_not_spoil_the_others(name: str) -> None:
    found = CHANNELS[name].orders(b'[{"hello": 1}, 7]', "", "raw-1", 1)
    assert [type(each) for each in found] == [Rejected, Rejected]
