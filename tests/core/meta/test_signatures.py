import pytest

from core.meta import signatures

BODY = b'{"object":"whatsapp_business_account","entry":[],"name":"J\\u00fcrgen"}'


def test_a_signature_is_the_published_hmac_of_the_raw_bytes() -> None:
    # RFC 4231, test case 2, in Meta's form
    made = signatures.sign(b"what do ya want for nothing?", "Jefe")
    assert made == "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert len(made) == 71


def test_any_of_our_secrets_may_have_signed_it() -> None:
    signature = signatures.sign(BODY, "of another business")
    assert signatures.is_signed(BODY, signature, ["ours", "of another business"])
    assert not signatures.is_signed(BODY, signature, ["ours"])


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha1=abc", "sha256=ü", signatures.sign(BODY, "ours").removeprefix("sha256=")],
)
def test_a_missing_or_malformed_signature_is_refused(signature: str) -> None:
    assert not signatures.is_signed(BODY, signature, ["ours"])


def test_one_changed_byte_is_refused() -> None:
    assert not signatures.is_signed(BODY + b" ", signatures.sign(BODY, "ours"), ["ours"])


def test_an_empty_secret_never_signs_anything() -> None:
    assert not signatures.is_signed(BODY, signatures.sign(BODY, ""), ["", ""])
