import unicodedata

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from core import numbering, phone
from core.errors import Invalid
from core.phone import Phone, fragment, read


def refusal(typed: str, home: str | None = None) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        read(typed, home=home)
    (problem,) = caught.value.problems
    assert problem.field == "recipient"
    return problem.code, problem.message


@pytest.mark.parametrize(
    "typed",
    [
        "+62 812-3456-789",
        "628123456789",
        "00628123456789",
        "+62 (812) 3456789",
        "+62 (0)812 3456 789",
        "+62\u00a0812\u202f3456\u2009789",
        "+62 812‐3456‑789",
        "+62 812–3456—789",
        "+62 812−3456−789",
        "\u202a+62 812-3456-789\u202c",
        "\u200e+62\u200b812\ufeff3456\u2066789\u2069",
        "+６２ ８１２ ３４５６ ７８９",
        "（＋６２）８１２－３４５６－７８９",
        "+٦٢ ٨١٢ ٣٤٥٦ ٧٨٩",
        "+۶۲۸۱۲۳۴۵۶۷۸۹",
        "'+628123456789",
        '="628123456789"',
        "  62.812.3456.789\n",
        "628,123,456,789",
        "628123456789.0",
        "628123456789,00",
    ],
)
def test_every_way_to_type_one_number_gives_the_same_e164(typed: str) -> None:
    assert read(typed, home=None).e164 == "+628123456789"


def facts(phone: Phone) -> tuple[str, str, str | None, str]:
    return phone.e164, phone.readable, phone.region, phone.country


def test_a_number_is_shown_back_as_it_was_read() -> None:
    phone = read("628123456789", home=None)
    assert facts(phone) == ("+628123456789", "+62 812-3456-789", "ID", "Indonesia")
    assert phone.shown == "+62 812-3456-789, Indonesia"


def test_a_national_number_is_read_with_the_accounts_home_country() -> None:
    assert read("0812-3456-789", home="ID").e164 == "+628123456789"
    assert read("0812-3456-789", home="id").e164 == "+628123456789"
    assert read("030 901820", home="DE").e164 == "+4930901820"
    assert read("06 698 12345", home="IT").e164 == "+390669812345"


def test_a_national_number_without_a_home_country_is_refused_saying_so() -> None:
    code, message = refusal("0812-3456-789")
    assert code == "national"
    assert "no home country" in message and "+62" in message


def test_digits_without_plus_are_international_also_where_a_home_country_exists() -> None:
    assert read("628123456789", home="DE").e164 == "+628123456789"
    assert read("4930901820", home="ID").region == "DE"


def test_a_home_number_that_lost_its_zero_is_not_taken_for_a_foreign_one() -> None:
    code, message = refusal("8123456789", home="ID")
    assert code == "no_country_code"
    assert "Write +62 812-3456-789" in message
    assert refusal("(202) 456-1414", home="US")[0] == "no_country_code"
    assert read("+8123456789", home="ID").region == "JP"


def test_an_area_code_that_cannot_exist_is_refused_also_at_home() -> None:
    assert refusal("0100000000", home="US")[0] == "unknown_area"


def test_a_number_of_fifteen_digits_behind_00_is_one_number() -> None:
    assert read("005048002 1234567", home=None).e164 == "+50480021234567"


@pytest.mark.parametrize("typed", ["6.28123E+11", "6,28123E+11", "6.28E11", "6e+11", "+6.28 E+11"])
def test_a_number_that_a_spreadsheet_shortened_is_refused_with_that_reason(typed: str) -> None:
    code, message = refusal(typed)
    assert code == "shortened"
    assert "last digits are lost" in message and "as text" in message


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        (" \u200e\u00a0 ", "empty"),
        ("Budi", "letters"),
        ("+62 812-ABCD-789", "letters"),
        ("WA 628123456789", "letters"),
        ("+", "characters"),
        ("+62 812 3456 789?", "characters"),
        ("62+812 3456 789", "characters"),
        ("+62 812 3456 \ud800", "characters"),
        ("+628123456789 / +628123456780", "several"),
        ("+628123456789+628123456780", "several"),
        ("08123456789, 08123456780", "several"),
        ("08123456789\n08123456780", "several"),
        ("08123456789 or 08123456780", "several"),
        ("628123456789 628123456780", "several"),
        ("+62 812-3456-789 ext. 12", "extension"),
        ("+62 812-3456-789 x12", "extension"),
        ("+628123456789;ext=12", "extension"),
        ("+62 812-3456-789#12", "extension"),
        ("120363025246125486@g.us", "group"),
        ("120363025246125486", "group"),
        ("https://chat.whatsapp.com/AbCdEf", "group"),
        ("Y2FwaV9ncm91cDoxMjAzNjMwMjUyNDYxMjU0ODY=", "group"),
        ("112", "emergency"),
        ("911", "emergency"),
        ("+62 112", "emergency"),
        ("14045", "short"),
        ("*123#", "short"),
        ("+999 123 456 789", "unknown_country"),
        ("+0812 3456 789", "unknown_country"),
        ("0011 62 8123 4567", "unknown_area"),
        ("+1 012 345 6789", "unknown_area"),
        ("00", "too_short"),
        ("+62", "too_short"),
        ("+62 8", "too_short"),
        ("+62812345678901234567890", "too_long"),
    ],
)
def test_each_kind_of_wrong_recipient_has_its_own_code(typed: str, code: str) -> None:
    assert refusal(typed)[0] == code


@pytest.mark.parametrize(
    ("typed", "home", "code", "said"),
    [
        ("+1 202 456 14", None, "too_short", "2 digits too short: North America expects 10"),
        ("+1 202 456 1414 5", None, "too_long", "1 digit too long: North America expects 10"),
        ("+62 8123 4567 8901 23", None, "too_long", "Indonesia expects 7 to 13 digits after +62"),
        ("0812", "ID", "too_short", "4 digits too short: Indonesia expects 7 to 13"),
        ("0151", "DE", "too_short", "1 digit too short: Germany expects 4 to 13"),
        ("+44 2079 4609", None, "wrong_length", "expects 7, 9 or 10 digits after +44"),
    ],
)
def test_a_wrong_length_says_by_how_much(
    typed: str, home: str | None, code: str, said: str
) -> None:
    found, message = refusal(typed, home)
    assert found == code
    assert said in message


def test_a_range_newer_than_the_tables_is_accepted_for_its_length() -> None:
    newer = "+621000000000"
    assert not phonenumbers.is_valid_number(phonenumbers.parse(newer, None))
    assert read(newer, home=None).country == "Indonesia"
    assert read(newer.removeprefix("+"), home="ID").e164 == newer


def test_countries_that_share_a_code_are_told_apart_where_the_tables_know() -> None:
    assert read("+1 416 967 1111", home=None).country == "Canada"
    assert read("+1 876 555 0123", home=None).region in ("JM", None)
    assert read("+7 701 123 4567", home=None).country == "Kazakhstan"


def test_countries_that_share_a_code_are_named_together_where_nobody_knows() -> None:
    shared = read("+1 999 555 0123", home=None)
    assert facts(shared) == ("+19995550123", "+1 999-555-0123", None, "North America")
    assert read("+7 200 000 0000", home=None).country == "Russia or Kazakhstan"


def test_a_number_of_no_country_is_accepted_under_a_name_of_its_own() -> None:
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        phone = read(phonenumbers.format_number(number, PhoneNumberFormat.E164), home=None)
        assert phone.region is None
        assert phone.country not in ("world", "")


def test_every_region_has_a_name() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number(region)
        typed = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        assert len(read(typed, home=None).country) > 3


def test_a_home_that_is_no_country_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="alpha-2"):
        read("0812", home="XX")


def test_a_refusal_quotes_nothing_that_cannot_be_encoded() -> None:
    _, message = refusal("62\ud800" + "9" * 500 + "x")
    message.encode("utf-8")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("812-34", "81234"),
        ("0812", "812"),
        ("+62 (0)812", "62812"),
        ("0062812", "62812"),
        ("٨١٢", "812"),
        ("000", "000"),
        ("Budi", ""),
    ],
)
def test_a_search_box_entry_becomes_digits_that_occur_in_e164(typed: str, digits: str) -> None:
    assert fragment(typed) == digits


def examples() -> list[str]:
    found = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                found.append(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return [number for number in found if len(number) <= 16]


@given(
    number=st.sampled_from(examples()),
    lead=st.sampled_from(["+", "00", "", "(+", "\u200e+"]),
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", "(", ")", "\u00a0", "‑"]), min_size=16),
    zero=st.sampled_from("0٠۰०０"),
)
def test_a_valid_number_survives_any_separators_and_digits(
    number: str, lead: str, gaps: list[str], zero: str
) -> None:
    digits = (chr(ord(zero) + int(digit)) for digit in number.removeprefix("+"))
    typed = lead + "".join(digit + gap for digit, gap in zip(digits, gaps, strict=False))
    assert read(typed, home=None).e164 == number


@given(st.sampled_from(examples()), st.text(alphabet="0123456789", min_size=1, max_size=16))
def test_the_short_way_to_read_a_number_agrees_with_the_tables(example: str, other: str) -> None:
    for digits in (example[1:], other, example[1:5] + other):
        if found := numbering.international(digits):
            assert found == phonenumbers.parse(f"+{digits}", None)


@given(st.from_regex(phone._SIMPLE, fullmatch=True))
def test_what_is_not_looked_at_twice_would_be_found_in_order(typed: str) -> None:
    phone._check_one_number(typed, typed)
    phone._check_characters(typed, typed)
    assert phone._without_float_end(typed) == typed


@given(
    typed=st.text()
    | st.text(alphabet="+0123456789 ()-.,;/eExt#*@\n٣３\u200e\ud800")
    | st.text(alphabet="0123456789", max_size=22),
    home=st.sampled_from([None, "ID", "US", "DE", "IT", "AU"]),
)
def test_whatever_is_typed_is_read_or_refused(typed: str, home: str | None) -> None:
    try:
        phone = read(typed, home=home)
    except Invalid as refused:
        assert all(p.message.isprintable() for p in refused.problems)
    else:
        assert phone.e164[0] == "+" and 5 <= len(phone.e164) - 1 <= 15
        assert read(phone.e164, home=home).e164 == phone.e164
        assert read(phone.readable, home=home).e164 == phone.e164
        assert all(unicodedata.category(c) != "Cf" for c in phone.shown)
    assert fragment(typed) == "" or fragment(typed).isdecimal()
