"""The pages of signing in and out: one template, nothing from elsewhere, no script."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from core.settings import settings

_HERE = Path(__file__).parent
_CSS = (_HERE / "sign_in.css").read_text()
_STYLE = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_template = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined
).get_template("sign_in.html")

TITLES = {
    "in": "Sign in",
    "first": "Create the first administrator",
    "link": "Choose your password",
    "out": "Sign out?",
}


def page(
    which: str, *, typed: Mapping[str, str], wrong: Mapping[str, str], status: int = 200
) -> HTMLResponse:
    """`which` is in, first, link or out; `wrong` has a sentence for each field that needs one."""
    empty = [name for name in ("code", "name", "password") if not typed.get(name)]
    html = _template.render(
        page=which,
        title=TITLES[which],
        css=Markup(_CSS),  # ours, and the hash in the policy is of these very bytes
        typed=typed,
        wrong=wrong,
        focus=next(iter(wrong), next(name for name in empty if which == "first" or name != "code")),
        training=settings().training,
    )
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(html, status, headers=headers)
