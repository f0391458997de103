"""How a typed recipient becomes one E.164 number; the same reader for form, file and API."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import NoReturn

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from core import numbering
from core.errors import Invalid, Problem
from core.quoting import quoted

_EXAMPLE = "Write it with + and the country code, such as +62 812-3456-789."
_DIGIT = re.compile("[0-9]")
_PLAIN = re.compile(r"[ -~]*")
_SIMPLE = re.compile(r"\+?\d(?:[ -]?\d){6,14}", re.ASCII)
_SHORTENED = re.compile(r"\+?\d+(?:[.,]\d+)?[eE]\+?\d+")
_FLOAT = re.compile(r"(\+?\d{7,})[.,]0{1,2}")
_GROUP = re.compile(r"@g\.us|chat\.whatsapp\.com|^Y2FwaV9ncm91cD|^120363\d{12}$", re.IGNORECASE)
_EXTENSION = re.compile(
    r"\d[\s,;)]*(?:extension|extn?|xt?|#|доб|durchwahl|anexo|ramal)[.:=\s]*\d{1,7}$", re.IGNORECASE
)
_BETWEEN_NUMBERS = re.compile(r"[,;/|&\n]|[^\W\d_]+")
_PUNCTUATION = re.compile(r"""[\d\s+\-./()\[\]',"=~_·•]+""")


@dataclass(frozen=True)
class Phone:
    """One recipient: `e164` is sent and stored, the rest is what a person is shown.

    The rest is worked out when it is asked for: of a file's 100,000 numbers nobody does.
    """

    e164: str
    number: PhoneNumber = field(compare=False, repr=False)

    @property
    def readable(self) -> str:
        """As it is written internationally."""
        return phonenumbers.format_number(self.number, PhoneNumberFormat.INTERNATIONAL)

    @property
    def region(self) -> str | None:
        """ISO alpha-2; None where the number has no country (+883) or where countries share a code
        and the numbering tables cannot tell them apart."""
        return numbering.region(self.number)

    @property
    def country(self) -> str:
        """In words."""
        return numbering.country(self.number)

    @property
    def shown(self) -> str:
        """As it is read back to the operator: «+62 812-3456-789, Indonesia»."""
        return f"{self.readable}, {self.country}"


def read(typed: str, *, home: str | None) -> Phone:
    """Read one recipient; `home` is the account's ISO alpha-2 country, for numbers like 0812….

    Accepts every length that the country knows, also in ranges newer than libphonenumber's tables.
    Raises `Invalid` with one problem at the field `recipient`; ValueError for an unknown `home`.
    """
    region = _home_region(home)
    text = _plain(typed)
    if not _SIMPLE.fullmatch(text):
        _check_one_number(typed, text)
        text = _without_float_end(text)
        _check_characters(typed, text)
    number = _parsed(typed, text, region)
    if numbering.is_emergency(number):
        _refuse_emergency(typed)
    if fault := numbering.fault_of_length(number):
        _refuse(fault[0], f"{quoted(typed)} is {fault[1]}")
    return _phone(number)


def fragment(typed: str) -> str:
    """The digits of a search box's entry, to be looked for anywhere inside an E.164 number.

    Leading zeros go (0812 and 0062812 both occur in +62812…); "" when there is no digit.
    """
    digits = _digits(_plain(typed).replace("(0)", ""))
    return digits.lstrip("0") or digits


def _home_region(home: str | None) -> str | None:
    if home is None:
        return None
    if home.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{home!r} is no ISO alpha-2 country")
    return home.upper()


def _plain(typed: str) -> str:
    """ASCII digits, spaces and punctuation in place of what other keyboards and copies produce."""
    if _PLAIN.fullmatch(typed):
        return typed.strip()
    return "".join(map(_plain_character, typed)).strip()


def _plain_character(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    category = unicodedata.category(character)
    if digit is not None:
        return str(digit)
    if category == "Cf":  # direction marks, zero-width and soft hyphens: invisible to the typist
        return ""
    if category == "Pd" or character in "−ー":
        return "-"
    return unicodedata.normalize("NFKC", character) if category[0] in "PSZ" else character


def _without_float_end(text: str) -> str:
    """Undo a spreadsheet's 628123456789.0, in which no digit is lost."""
    match = _FLOAT.fullmatch(text)
    return match[1] if match else text


def _check_one_number(typed: str, text: str) -> None:
    compact = re.sub(r"\s", "", text)
    if not text:
        _refuse("empty", "Type the recipient's phone number, such as +62 812-3456-789.")
    if _SHORTENED.fullmatch(compact):
        _refuse(
            "shortened",
            f"A spreadsheet shortened this number to {quoted(typed)}, so its last digits are "
            "lost. Format the column as text and export the file again.",
        )
    if _GROUP.search(compact):
        _refuse("group", f"{quoted(typed)} is a group; type the number of one person.")
    if _holds_several(text):
        _refuse("several", f"{quoted(typed)} holds more than one number; type one per field.")
    if _EXTENSION.search(text):
        _refuse(
            "extension",
            f"{quoted(typed)} has an extension, which WhatsApp cannot dial; leave it out.",
        )


def _holds_several(text: str) -> bool:
    if len(_digits(text.rpartition("+")[0])) >= 7:
        return True
    parts = _BETWEEN_NUMBERS.split(text)
    if len(_digits(text).removeprefix("00")) > numbering.E164_DIGITS:
        parts = [token for part in parts for token in part.split()]
    return sum(len(_digits(part)) >= 7 for part in parts) > 1


def _check_characters(typed: str, text: str) -> None:
    odd = _PUNCTUATION.sub("", text)
    if text[0] in "*#" and odd.strip("*#") == "":
        _refuse_short(typed)
    if any(character.isalpha() for character in odd):
        _refuse("letters", f"{quoted(typed)} contains letters. {_EXAMPLE}")
    if odd:
        _refuse("characters", f"{quoted(odd[0])} does not belong in a phone number. {_EXAMPLE}")
    first = re.search(r"\d", text)
    if first is None:
        _refuse("characters", f"{quoted(typed)} contains no digit. {_EXAMPLE}")
    if text.rfind("+") > first.start():
        _refuse("characters", f"In {quoted(typed)} the + is not in front. {_EXAMPLE}")


def _parsed(typed: str, text: str, home: str | None) -> PhoneNumber:
    digits = _digits(text)
    if "+" in text or digits.startswith("00"):
        return _international(typed, digits.removeprefix("00"))
    _check_not_short(typed, digits, home)
    if digits.startswith("0"):
        return _national(typed, digits, home)
    if home is not None:
        _check_has_country_code(typed, digits, home)
    return _international(typed, digits)


def _international(typed: str, digits: str) -> PhoneNumber:
    _check_area_code(typed, digits)
    if found := numbering.international(digits):
        return found
    try:
        return phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException as error:
        _refuse_unparsed(typed, error)


def _national(typed: str, digits: str, home: str | None) -> PhoneNumber:
    if home is None:
        _refuse(
            "national",
            f"{quoted(typed)} begins with 0 and so has no country code, and this account has no "
            f"home country. {_EXAMPLE}",
        )
    try:
        number = phonenumbers.parse(digits, home)
    except phonenumbers.NumberParseException as error:
        _refuse_unparsed(typed, error)
    number = _without_trunk_zero(number, home)
    _check_area_code(typed, _digits(_phone(number).e164))
    return number


def _without_trunk_zero(number: PhoneNumber, home: str) -> PhoneNumber:
    """What is too short for libphonenumber keeps the 0 that is only dialled within the country."""
    tables = phonenumbers.PhoneMetadata.metadata_for_region(home)
    kept = number.italian_leading_zero and not phonenumbers.is_valid_number(number)
    if not kept or tables is None or tables.national_prefix != "0":
        return number
    return PhoneNumber(country_code=number.country_code, national_number=number.national_number)


def _check_area_code(typed: str, digits: str) -> None:
    # libphonenumber would drop a second 1, and so turn Australia's way to dial Indonesia,
    # 0011 62 8123 4567, into a number in San Francisco.
    if digits.startswith(("10", "11")):
        _refuse(
            "unknown_area",
            f"{quoted(typed)} reads as +1 {digits[1:4]}…, but no area code of North America "
            f"begins with 0 or 1. {_EXAMPLE}",
        )


def _check_not_short(typed: str, digits: str, home: str | None) -> None:
    if len(digits) > 6 or digits.startswith("0"):
        return
    regions = [home] if home else phonenumbers.SUPPORTED_SHORT_REGIONS
    if any(phonenumbers.is_emergency_number(digits, region) for region in regions):
        _refuse_emergency(typed)
    _refuse_short(typed)


def _check_has_country_code(typed: str, digits: str, home: str) -> None:
    """Refuse what is a real number only at home: read as +81…, 812345678 would reach a stranger."""
    if digits.startswith(str(phonenumbers.country_code_for_region(home))):
        return
    there, here = _if_valid(f"+{digits}", None), _if_valid(digits, home)
    if here and not there:
        _refuse(
            "no_country_code",
            f"{quoted(typed)} looks like a number in {numbering.name(home)} without its country "
            f"code. Write {_phone(here).readable} if that is meant, otherwise + and the code.",
        )


def _if_valid(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _phone(number: PhoneNumber) -> Phone:
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164), number)


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() else "".join(_DIGIT.findall(text))


def _refuse_unparsed(typed: str, error: phonenumbers.NumberParseException) -> NoReturn:
    kinds = phonenumbers.NumberParseException
    if error.error_type == kinds.INVALID_COUNTRY_CODE:
        _refuse_country(typed)
    if error.error_type == kinds.TOO_LONG:
        _refuse(
            "too_long",
            f"{quoted(typed)} is too long: with its country code a phone number has at most "
            f"{numbering.E164_DIGITS} digits.",
        )
    _refuse("too_short", f"{quoted(typed)} is too short to be a phone number. {_EXAMPLE}")


def _refuse_country(typed: str) -> NoReturn:
    _refuse("unknown_country", f"{quoted(typed)} begins with no known country code. {_EXAMPLE}")


def _refuse_emergency(typed: str) -> NoReturn:
    _refuse("emergency", f"{quoted(typed)} is an emergency number; WhatsApp cannot reach it.")


def _refuse_short(typed: str) -> NoReturn:
    _refuse(
        "short",
        f"{quoted(typed)} is a short or service number, which WhatsApp cannot reach. {_EXAMPLE}",
    )


def _refuse(code: str, message: str) -> NoReturn:
    raise Invalid(Problem("recipient", code, message))
