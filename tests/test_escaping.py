"""Nobody's text becomes markup: what LaTeX or HTML would act on is shown instead."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftproof.reports.escaping import for_html, for_tex, tex_lines, visible

HOSTILE = [
    r"\input{secret}",
    r"\write18{true}",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "$x_{",
    "100% of a_b & c # d ^ e ~ f {g} | h",
    "((* include 'x' *)) ((( 7 * 7 ))) {{ 7 * 7 }} {% raw %}",
    "two\nlines\ttab\0nul",
    "\u202egnp.exe",
    "日本語 ∑ ñ é ß ½",
    "--- ,, `` '' <<>> ?` !`",
    "[0x1p+0, *2]",
    "\ud800",
    "x" * 300,
    "^^5cinput{secret}",
    "",
]
_TEX_WORDS = re.compile(
    r"\\(?:text(?:backslash|asciicircum|asciitilde|less|greater|bar|quotedbl|quotesingle|asciigrave|periodcentered)|"
    r"texttimes|textendash|allowbreak|spbreak)\{\}|\\[{}$&#%_ ]|\{[\[\]*]\}|\{\}"
)


def left_alone(made: str) -> str:
    """What remains of escaped text when everything that we write ourselves is taken away."""
    return _TEX_WORDS.sub("", made)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("escape", [for_tex, lambda t: for_tex(t, breakable=True), tex_lines])
def test_escaped_text_has_no_character_that_tex_acts_on(text, escape):
    rest = left_alone(escape(text))
    assert not set(rest) & set("\\{}$&#%_^~<>|`\"'[]*\n\t\0")
    assert rest.isprintable()


@given(st.text())
def test_any_text_is_inert_in_tex(text):
    for made in (for_tex(text), for_tex(text, breakable=True), tex_lines(text)):
        assert not set(left_alone(made)) & set("\\{}$&#%_^~<>|`\"'[]*")


def test_the_test_above_sees_what_was_not_escaped():
    assert set(left_alone(r"\input{secret}")) & set("\\{}")


def test_letters_beyond_tex_s_fonts_are_shown_by_their_code_points():
    assert for_tex("∑é") == r"\textless{}U+2211\textgreater{}é"


def test_tex_does_not_join_dashes_or_commas():
    assert "--" not in for_tex("a --- b")
    assert ",," not in for_tex(",,")


def test_a_hex_float_is_not_broken_but_a_long_name_is():
    assert r"\allowbreak" not in for_tex("-0x1.8000000000001p-7", breakable=True).removesuffix(r"\allowbreak{}")
    assert for_tex("x" * 300, breakable=True).count(r"\allowbreak") == 300 // 8


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.data = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.data += data


@given(st.text() | st.sampled_from(HOSTILE))
def test_any_text_is_text_in_html(text):
    parser = _Text()
    parser.feed(f"<p>{for_html(text)}</p>")
    parser.close()
    assert parser.tags == ["p"]
    assert parser.data == visible(text)
    assert html.unescape(for_html(text)) == visible(text)


def test_what_hides_or_reorders_text_is_shown():
    assert visible("a\u202eb\u200b\0") == "a<U+202E>b<U+200B><U+0000>"
