"""What the numbering plans say about a number: whose it is, and how many digits it may have."""

import re
from functools import cache

import phonenumbers
from babel import Locale
from phonenumbers import PhoneMetadata, PhoneNumber, ValidationResult

E164_DIGITS = 15  # ITU-T E.164: country code included
# Numbers that belong to no country. They are accepted: people do hold WhatsApp accounts on
# satellite and network numbers, and whether one is reachable is Meta's answer to give.
_NO_COUNTRY = {
    800: "international freephone",
    808: "international shared-cost service",
    870: "Inmarsat satellite",
    878: "universal personal number",
    881: "satellite phone",
    882: "international network",
    883: "international network",
    888: "international disaster relief",
    979: "international premium rate",
}


def international(digits: str) -> PhoneNumber | None:
    """What libphonenumber reads in +`digits`, where it has nothing to strip or to add; else None.

    Ten times as quick as asking it, which a file of 100,000 numbers feels.
    """
    if not digits or digits[0] == "0":
        return None
    found = (digits[:n] for n in (1, 2, 3))
    code = next((one for one in found if int(one) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "")
    national = digits[len(code) :]
    if not code or national.startswith("0") or not 4 <= len(national) <= E164_DIGITS:
        return None
    dialled = _dialled_before(int(code))
    if dialled is None or dialled.match(national):
        return None
    return PhoneNumber(country_code=int(code), national_number=int(national))


@cache
def _dialled_before(code: int) -> re.Pattern[str] | None:
    """What libphonenumber may strip of a national number."""
    main = phonenumbers.region_code_for_country_code(code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, main)
    return re.compile(metadata.national_prefix_for_parsing or "(?!)") if metadata else None


# WhatsApp knows some numbers of Brazil without the 9 that people dial, of Mexico with a 1 after the
# country's code, of Argentina with a 9.
_OTHERWISE = (
    (re.compile(r"\+55(\d\d)9(\d{8})"), r"+55\1\2"),
    (re.compile(r"\+55(\d\d)([6-9]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+521(\d{10})"), r"+52\1"),
    (re.compile(r"\+549(\d{10})"), r"+54\1"),
    (re.compile(r"\+54(\d{10})"), r"+549\1"),
)


def otherwise(number: str) -> str | None:
    """The other way in which the same person's number, E.164, may be written; None: no other."""
    written = (shape.sub(other, number) for shape, other in _OTHERWISE if shape.fullmatch(number))
    return next(written, None)


def region(number: PhoneNumber) -> str | None:
    """ISO alpha-2; None for a number of no country, or of one of several that share the code."""
    return (
        None if number.country_code in _NO_COUNTRY else phonenumbers.region_code_for_number(number)
    )


def country(number: PhoneNumber) -> str:
    """In words for the operator: «Indonesia», «Russia or Kazakhstan», «satellite phone»."""
    code = number.country_code or 0
    if code in _NO_COUNTRY:
        return _NO_COUNTRY[code]
    if found := region(number):
        return name(found)
    if code == 1:
        return "North America"
    sharing = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    return " or ".join(name(each) for each in sharing)


def name(region: str) -> str:
    """The English name of an ISO alpha-2 country."""
    return _territories()[region]


@cache
def regions() -> tuple[str, ...]:
    """Every country that has telephone numbers, by its English name."""
    return tuple(sorted(phonenumbers.SUPPORTED_REGIONS, key=name))


@cache
def _territories() -> dict[str, str]:
    return dict(Locale("en").territories)


def is_emergency(number: PhoneNumber) -> bool:
    """Whether it is 112, 911 and the like behind a country code."""
    national = phonenumbers.national_significant_number(number)
    short = len(national) <= _longest_emergency()
    return short and phonenumbers.is_emergency_number(national, _region_of_code(number))


@cache
def _longest_emergency() -> int:
    """Digits."""
    tables = map(PhoneMetadata.short_metadata_for_region, phonenumbers.SUPPORTED_SHORT_REGIONS)
    lengths = [one.emergency.possible_length for one in tables if one and one.emergency]
    return max(length for each in lengths for length in each)


def fault_of_length(number: PhoneNumber) -> tuple[str, str] | None:
    """None where the country has numbers that long, else a code and the rest of a sentence.

    A length that exists is enough: libphonenumber's tables of ranges lag behind the countries.
    """
    national = phonenumbers.national_significant_number(number)
    allowed, prefix = _numbering(number.country_code or 0)
    if len(national) in allowed and _is_possible(number.country_code or 0, len(national)):
        return None
    digits = len(national.removeprefix(prefix))
    code, verdict = _verdict(digits, allowed)
    return code, (
        f"{verdict}: {country(number)} expects {_in_words(allowed)} digits after "
        f"+{number.country_code}, and this has {digits}."
    )


@cache
def _is_possible(code: int, length: int) -> bool:
    """Of any number so long: libphonenumber looks at nothing else."""
    some = PhoneNumber(country_code=code, national_number=10 ** (length - 1))
    possible = phonenumbers.is_possible_number_with_reason(some)
    return bool(possible == ValidationResult.IS_POSSIBLE)


@cache
def _numbering(code: int) -> tuple[list[int], str]:
    """How many digits may follow the country code, and the prefix for calls inside the country."""
    main = phonenumbers.region_code_for_country_code(code)
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, main)
    assert metadata is not None and metadata.general_desc is not None
    room = E164_DIGITS - len(str(code))
    lengths = [length for length in metadata.general_desc.possible_length if length <= room]
    return lengths, metadata.national_prefix or ""


def _region_of_code(number: PhoneNumber) -> str:
    return phonenumbers.region_code_for_country_code(number.country_code or 0)


def _verdict(digits: int, allowed: list[int]) -> tuple[str, str]:
    off = max(allowed[0] - digits, digits - allowed[-1])
    if off <= 0:
        return "wrong_length", "of a length that does not exist there"
    size = "short" if digits < allowed[0] else "long"
    return f"too_{size}", f"{off} digit{'' if off == 1 else 's'} too {size}"


def _in_words(lengths: list[int]) -> str:
    first, *between, last = lengths if len(lengths) > 1 else lengths * 2
    if first == last:
        return str(first)
    if last - first == len(between) + 1:
        return f"{first} to {last}"
    return f"{', '.join(map(str, [first, *between]))} or {last}"
