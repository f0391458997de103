"""The signature of a webhook: HMAC-SHA256 over the very bytes that Meta sent.

Meta signs its own escaped serialisation, so a body is checked before it is parsed and never
serialised again for it (developers.facebook.com, webhooks/create-webhook-endpoint).
"""

import hashlib
import hmac
from collections.abc import Iterable

HEADER = "X-Hub-Signature-256"


def sign(body: bytes, secret: str) -> str:
    """The header's value for a body: `sha256=` and 64 hexadecimal digits."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made the signature; an empty secret never does."""
    given = signature.encode()
    return any(
        hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets if secret
    )
