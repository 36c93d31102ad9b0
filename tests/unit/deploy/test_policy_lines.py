"""The line of each key is the one on which a reader of the file sees it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deploy.policy_lines import KeyPath, lines

TEXT = '''# a comment
a.b = 1
"x y" = [ # another ]
  1, 2,
  {q = "a]b", r.s = [[1],[2]]},
]
[[hold]]
name = """
many "quoted" lines"""
when = {any = [
 {total_over = 'x'},
 {k = 2020-01-01}]}
[hold.sub]
z = 1.5 # d
[[hold]]
name = 'b'
[cutoff.'e f']
d = inf
'''


def test_keys_tables_and_elements_have_their_lines() -> None:
    found = lines(TEXT)
    assert found.known == {
        ("a",): 2,
        ("a", "b"): 2,
        ("x y",): 3,
        ("x y", 0): 4,
        ("x y", 1): 4,
        ("x y", 2): 5,
        ("x y", 2, "q"): 5,
        ("x y", 2, "r"): 5,
        ("x y", 2, "r", "s"): 5,
        ("x y", 2, "r", "s", 0): 5,
        ("x y", 2, "r", "s", 0, 0): 5,
        ("x y", 2, "r", "s", 1): 5,
        ("x y", 2, "r", "s", 1, 0): 5,
        ("hold",): 7,
        ("hold", 0): 7,
        ("hold", 0, "name"): 8,
        ("hold", 0, "when"): 10,
        ("hold", 0, "when", "any"): 10,
        ("hold", 0, "when", "any", 0): 11,
        ("hold", 0, "when", "any", 0, "total_over"): 11,
        ("hold", 0, "when", "any", 1): 12,
        ("hold", 0, "when", "any", 1, "k"): 12,
        ("hold", 0, "sub"): 13,
        ("hold", 0, "sub", "z"): 14,
        ("hold", 1): 15,
        ("hold", 1, "name"): 16,
        ("cutoff",): 17,
        ("cutoff", "e f"): 17,
        ("cutoff", "e f", "d"): 18,
    }
    tomllib.loads(TEXT)


def test_what_is_not_there_has_the_line_of_what_it_would_be_in() -> None:
    found = lines(TEXT)
    assert found.of(("hold", 1, "when", "channel")) == 15
    assert found.of(("nothing",)) == 1


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path in what tomllib has read."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


keys = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=4).map(
        lambda text: json.dumps(text)
    ),
)
blanks = st.sampled_from(["", " ", "\n", " # c ] } ' \"\n", "\n\n\t"])
plain = st.sampled_from(
    [
        "1",
        "1.5",
        "true",
        "2020-01-01",
        "07:32:00",
        "'a # b'",
        '"x\\"]"',
        '"""\n"]\\"""""',
        "'''\n''a]'''",
    ]
)


@st.composite
def values(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(st.sampled_from(["plain", "array", "inline"])) if depth else "plain"
    if kind == "plain":
        return draw(plain)
    if kind == "array":
        parts = draw(st.lists(values(depth - 1), max_size=3))
        return "[" + ",".join(draw(blanks) + part + draw(blanks) for part in parts) + "]"
    names = draw(st.lists(keys, max_size=3, unique=True))
    return "{" + ", ".join(f"{name} = {draw(values(depth - 1))}" for name in names) + "}"


@st.composite
def files(draw: st.DrawFn) -> str:
    text = ""
    for _ in range(draw(st.integers(0, 6))):
        header = draw(st.sampled_from(["", "[t{}]\n", "[[a]]\n", "[a.s{}]\n", "[[a.b]]\n"]))
        text += header.format(draw(st.integers(0, 99))) + draw(blanks)
        for name in draw(st.lists(keys, max_size=3, unique=True)):
            text += f"{name} = {draw(values())}\n"
    return text


@given(files())
def test_everything_that_tomllib_reads_has_a_line_that_names_it(text: str) -> None:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = lines(text).known
    assert set(found) == set(paths(content))
    written = text.split("\n")
    for path, line in found.items():
        name = path[-1]
        if isinstance(name, str):
            quoted = json.dumps(name)
            assert name in written[line - 1] or quoted in written[line - 1]
