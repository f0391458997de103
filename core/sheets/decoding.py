"""Which characters the bytes of a text file mean: programs save in what their country uses."""

import re

from charset_normalizer import from_bytes

from core.sheets.table import refuse

# The letters beyond ASCII of each language and the code page it is written in. The commonest first:
# of two that explain a file equally well the first is taken.
_LANGUAGES: tuple[tuple[str, str], ...] = (
    ("cp1252", "äöüß"),  # German
    ("cp1252", "áéíóúñü"),  # Spanish
    ("cp1252", "éèêëàâçîïôûùœæ"),  # French
    ("cp1252", "ãõáéíóúâêôçà"),  # Portuguese
    ("cp1252", "àèéìòù"),  # Italian
    ("cp1252", "æøåé"),  # Danish, Norwegian
    ("cp1252", "åäöé"),  # Swedish, Finnish
    ("cp1252", "éëïóö"),  # Dutch
    ("cp1250", "ąćęłńóśźż"),  # Polish
    ("cp1250", "áčďéěíňóřšťúůýž"),  # Czech
    ("cp1250", "áäčďéíĺľňóôŕšťúýž"),  # Slovak
    ("cp1250", "áéíóöőúüű"),  # Hungarian
    ("cp1250", "ăâîşţ"),  # Romanian
    ("cp1250", "čćđšž"),  # Croatian, Slovenian
    ("cp1251", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђјљњћџѓќѕ"),
    ("cp1253", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"),
    ("cp1254", "çğıöşüâîi̇"),  # Turkish
    ("cp1252", "áéíóúýðþæö"),  # Icelandic
    ("cp1257", "āčēģīķļņšūž"),  # Latvian
    ("cp1257", "ąčęėįšųūž"),  # Lithuanian
    ("cp1257", "äöüõšž"),  # Estonian
    ("cp1255", "אבגדהוזחטיךכלםמןנסעףפץצקרשת"),
    ("cp1256", "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ"),
)
_WHOLE_WORDS = ("cp1251", "cp1253", "cp1255", "cp1256")  # no ASCII letter stands in theirs
# What keeps Hebrew and Arabic from being read as Cyrillic: a word without a vowel is rare there.
_VOWELS = {"cp1251": set("аеёиоуыэюяіїє"), "cp1253": set("αεηιουωάέήίόύώϊϋΐΰ")}
_ASIAN = ["gb18030", "big5", "shift_jis", "euc_kr"]
NAMES = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Western (Windows-1252)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1255": "Hebrew (Windows-1255)",
    "cp1256": "Arabic (Windows-1256)",
    "cp1257": "Baltic (Windows-1257)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese (Big5)",
    "shift_jis": "Japanese (Shift JIS)",
    "euc_kr": "Korean (EUC-KR)",
}  # for a person who sees that the guess was wrong
_FOREIGN_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_FOREIGN_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_MARKS = "„“”‚‘’«»–—…¿¡\u00a0"  # what stands around a word
_SAMPLE = 32_768  # bytes: more makes the guess slow, not better


def decoded(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text without its mark of order, and its encoding: UTF-8 if it can be, else guessed.

    `encoding` is a person's word for it, one of NAMES. Raises Invalid at `file`: `encoding`, or
    `binary` where there are NUL characters.
    """
    found = encoding or _marked(data) or ("utf-8" if _is_utf8(data) else _unmarked(data))
    family = found.removesuffix("-le").removesuffix("-be")
    try:
        text = data.decode(found).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        told = f"Line {line:,} holds characters that are not {NAMES[family]}."
        refuse("encoding", f"{told} Save the file as CSV UTF-8.", line=line)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        told = f"Line {line:,} holds NUL characters: the file is damaged, or no text."
        refuse("binary", told, line=line)
    return text, family


def _marked(data: bytes) -> str | None:
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8"
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else None


def _is_utf8(data: bytes) -> bool:
    if b"\0" in data[:4_000]:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unmarked(data: bytes) -> str:
    if b"\0" in data[:4_000]:
        return _wide(data[:4_000])
    sample = b"\n".join(_FOREIGN_LINE.findall(data[:5_000_000])[:500])[:_SAMPLE]
    if _is_broken_utf8(sample):
        return "utf-8"  # refused with its line: read as anything else, every name would be wrong
    words = _FOREIGN_WORD.findall(sample)
    language = max(_LANGUAGES, key=lambda one: _explained(words, *one))
    if _explained(words, *language) * 2 < len(words):
        best = from_bytes(sample, cp_isolation=_ASIAN).best()
        return best.encoding if best else language[0]
    return language[0]


def _is_broken_utf8(sample: bytes) -> bool:
    text = sample.decode(errors="replace")
    broken = text.count("\ufffd")
    return sum(not c.isascii() for c in text) > 3 * broken


def _explained(words: list[bytes], encoding: str, letters: str) -> int:
    """How many of the words are spelled as that language spells them."""
    read = [word.decode(encoding, "replace").strip(_MARKS) for word in words]
    spelled = [word.lower() for word in read if _is_cased_as_written(word)]
    if encoding in _WHOLE_WORDS:
        spelled = [word for word in spelled if not re.search("[a-z]", word)]
    if vowels := _VOWELS.get(encoding):
        spelled = [word for word in spelled if vowels & set(word)]
    return sum(all(c in letters or c.isascii() or c == "’" for c in word) for word in spelled)


def _is_cased_as_written(word: str) -> bool:
    return word.isupper() or word[1:] == word[1:].lower()


def _wide(sample: bytes) -> str:
    """UTF-16 without its mark: in Latin letters every other byte is NUL."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) / 6 or min(even, odd) > max(even, odd) / 10:
        return "utf-8"
    return "utf-16-be" if even > odd else "utf-16-le"
