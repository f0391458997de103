import re
from html.parser import HTMLParser
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.rendering import LIMIT, bubble, check_text, length, summary

TAGS = {"b", "i", "s", "code", "pre", "br", "span", "blockquote", "ul", "ol", "li"}
BLOCKS = {"pre", "blockquote", "ul", "ol", "li"}


class Phone(HTMLParser):
    """Reads HTML as a screen shows it, and fails at whatever the allow-list does not hold."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.open, self.boundary = "", list[str](), False
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for attribute in attrs:
            assert attribute in {("dir", "auto"), ("class", "link")} or (
                attribute[0] == "value" and tag == "li" and (attribute[1] or "").isdecimal()
            )
        if tag == "br":
            self.show("\n")
            return
        if tag in BLOCKS and self.text and not self.text.endswith("\n"):
            self.boundary = True
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.boundary = self.boundary or tag in BLOCKS

    def handle_data(self, data: str) -> None:
        self.show(data)

    def show(self, data: str) -> None:
        self.text += ("\n" if self.boundary else "") + data
        self.boundary = False

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("a processing instruction")


def inline(text: str) -> str:
    html = bubble(text)
    head, tail = '<span dir="auto">', "</span>"
    assert html.startswith(head) and html.endswith(tail)
    return html.removeprefix(head).removesuffix(tail)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold*", "<b>bold</b>"),
        ("_italic_", "<i>italic</i>"),
        ("~gone~", "<s>gone</s>"),
        ("`code`", "<code>code</code>"),
        ("say ```mono *x*``` now", "say <code>mono *x*</code> now"),
        ("*_x_*", "<b><i>x</i></b>"),
        ("_*~x~*_", "<i><b><s>x</s></b></i>"),
        ("*two words*, then", "<b>two words</b>, then"),
        ("(*x*)!", "(<b>x</b>)!"),
        ("*a* and *b*", "<b>a</b> and <b>b</b>"),
        ("*bold `a*b` on*", "<b>bold <code>a*b</code> on</b>"),
        ("😀*x*❤️*y*", "😀<b>x</b>❤️<b>y</b>"),
        ("*مرحبا*", "<b>مرحبا</b>"),
    ],
)
def test_markup_is_shown_as_whatsapp_shows_it(text: str, html: str) -> None:
    assert inline(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "5 * 3 * 2",
        "a*b*c",
        "snake_case_name",
        "2*3*4",
        "*not closed",
        "not opened*",
        "*space before *",
        "x * space after*",
        "**",
        "****",
        "_ _",
        "``",
        "` `",
        "a`b`c",
        "*bold*er",
        "हि*x*",
    ],
)
def test_markers_that_hug_no_word_stay_text(text: str) -> None:
    assert inline(text) == text


def test_markers_do_not_reach_across_lines() -> None:
    html = bubble("*one\ntwo*")
    assert html == '<span dir="auto">*one</span><br><span dir="auto">two*</span>'


def test_crossing_markers_never_give_crossing_tags() -> None:
    assert inline("*a _b* c_") == "<b>a _b</b> c_"


def test_what_looks_like_html_is_text() -> None:
    assert inline("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;"
    assert "<script" not in bubble("*<script>alert('x')</script>*")
    assert inline('`"`') == "<code>&quot;</code>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("see https://a.example/b_c_d?e=f&g.", "see {https://a.example/b_c_d?e=f&amp;g}."),
        ("*https://a.example*", "<b>{https://a.example}</b>"),
        ("(www.a.example/)", "({www.a.example/})"),
        ("HTTPS://A.EXAMPLE", "{HTTPS://A.EXAMPLE}"),
        ("javascript://x", "javascript://x"),
    ],
)
def test_links_are_marked_without_a_target(text: str, html: str) -> None:
    assert inline(text) == html.replace("{", '<span class="link">').replace("}", "</span>")


def test_lists_and_quotes_become_blocks() -> None:
    assert bubble("* *a*\n- b") == ('<ul><li dir="auto"><b>a</b></li><li dir="auto">b</li></ul>')
    assert bubble("3. a\n4. b") == (
        '<ol><li value="3" dir="auto">a</li><li value="4" dir="auto">b</li></ol>'
    )
    assert bubble("> a\n> b") == (
        '<blockquote><span dir="auto">a</span><br><span dir="auto">b</span></blockquote>'
    )


def test_a_block_of_mono_keeps_its_lines() -> None:
    assert bubble("```a\n  *b*```") == '<pre dir="auto">a\n  *b*</pre>'


@pytest.mark.parametrize("text", ["-1", "*", "- ", "2026. x", "0. x", ">x", "``````", "```\n```"])
def test_what_is_only_like_a_block_stays_text(text: str) -> None:
    assert Phone(bubble(text)).text == text
    assert not re.search("<(ul|ol|blockquote|pre|code)", bubble(text))


def test_empty_lines_around_blocks_are_kept() -> None:
    assert bubble("a\n\n> b") == (
        '<span dir="auto">a</span><br><br><blockquote><span dir="auto">b</span></blockquote>'
    )
    assert Phone(bubble("a\n\n> b\n\n\nc")).text == "a\n\nb\n\n\nc"


def test_every_line_finds_its_own_direction() -> None:
    assert bubble("hello\nשלום").count('<span dir="auto">') == 2
    assert '<li dir="auto">' in bubble("- שלום")


def test_line_ends_of_every_system_are_one_break() -> None:
    assert bubble("a\r\nb\rc") == bubble("a\nb\nc")


PREFIX = re.compile(r"^(> |[*-] |\d{1,3}\. )")
MARKED = st.text(alphabet="*_~`ab \n>-1. <&é😀\u0301:/") | st.lists(
    st.sampled_from(["```", "\n", "> ", "- ", "1. ", "*", "_", "a", " ", "www.a", "https://b"])
).map("".join)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])) | MARKED)
def test_only_markers_are_removed_and_only_allowed_tags_added(text: str) -> None:
    typed = re.sub(r"\r\n?", "\n", text).rstrip("\n").split("\n")
    shown = Phone(bubble(text)).text.rstrip("\n").split("\n")
    while len(shown) < len(typed) and not re.sub("[*_~`]", "", typed[-1]):
        typed.pop()
    assert len(shown) == len(typed)
    for line, visible in zip(typed, shown, strict=True):
        rest = iter(line)
        assert all(character in rest for character in visible)
        kept = re.sub("[*_~`]", "", visible)
        assert kept in (
            re.sub("[*_~`]", "", line),
            re.sub("[*_~`]", "", PREFIX.sub("", line)),
        )


@pytest.mark.parametrize(
    "piece", [" *a", "a*", "*_~", "```a", " ```a", "`a ", "> ", "www.", "\u0301*a"]
)
def test_a_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        started = thread_time()
        bubble(text)
        return thread_time() - started

    small, large = (min(cost(size) for _ in range(3)) for size in (20_000, 200_000))
    assert large < 40 * small + 0.05


def test_an_emoji_counts_as_two_characters() -> None:
    assert length("abc") == 3
    assert length("é") == 1
    assert length("😀") == 2
    assert length("👍🏽") == 4


@given(st.text())
def test_the_length_is_that_of_utf_16(text: str) -> None:
    assert length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


def refusals(text: str) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        check_text(text)
    assert all(problem.field == "text" for problem in refused.value.problems)
    return {problem.code: problem.message for problem in refused.value.problems}


def test_a_text_of_the_limit_is_accepted_and_one_more_is_not() -> None:
    check_text("x" * LIMIT)
    check_text("😀" * (LIMIT // 2))
    assert refusals("x" * (LIMIT + 1)) == {
        "too_long": "The text is 1 character too long: 4,097 of at most 4,096."
    }
    assert refusals("😀" * LIMIT)["too_long"] == (
        "The text is 4,096 characters too long: 8,192 of at most 4,096. An emoji counts as two."
    )


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u00a0\u2003", "\u200b\u200e\ufeff"])
def test_a_text_that_shows_nothing_is_empty(text: str) -> None:
    assert set(refusals(text)) == {"empty"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ab\0c", "NUL (U+0000) at position 3"),
        ("a\x0bb", "vertical tab (U+000B) at position 2"),
        ("a\x1b[0m", "escape (U+001B)"),
        ("a\x01", "control character (U+0001)"),
        ("a\ud83d", "half of an emoji (U+D83D) at position 2"),
        ("Jos\ufffd", "the mark of a lost character (U+FFFD) at position 4"),
        ("\0\x01\x02\x03\x04", "(U+0002) at position 3 and 2 others"),
    ],
)
def test_a_character_that_cannot_be_sent_is_named_with_its_place(text: str, named: str) -> None:
    message = refusals(text)["control"]
    assert named in message
    message.encode()


def test_every_fault_of_a_text_is_told_at_once() -> None:
    assert set(refusals("\0" + " " * LIMIT)) == {"too_long", "control"}


@pytest.mark.parametrize(
    "text", ["tab\tand\nlines\r\n", "e\u0301", "👨‍👩‍👧", "שלום \u200f!", "\ufffe"]
)
def test_what_a_phone_can_show_is_accepted(text: str) -> None:
    check_text(text)


@pytest.mark.parametrize(
    ("text", "width", "line"),
    [
        ("*Hello* _you_", 60, "Hello you"),
        ("one\n\n- two\n- three", 60, "one two three"),
        ("a < b & `c`", 60, "a < b & c"),
        ("one two three", 8, "one two…"),
        ("one two three", 5, "one…"),
        ("12345678", 8, "12345678"),
        ("abc👍🏽def", 5, "abc…"),
        ("ab👨‍👩‍👧 and more", 6, "ab…"),
        ("cafe\u0301 noir", 5, "caf…"),
        ("", 60, ""),
    ],
)
def test_a_summary_is_one_line_without_markup(text: str, width: int, line: str) -> None:
    assert summary(text, width) == line


@given(text=MARKED, width=st.integers(1, 80))
def test_a_summary_fits_its_cell(text: str, width: int) -> None:
    line = summary(text, width)
    assert len(line) <= width and "\n" not in line
