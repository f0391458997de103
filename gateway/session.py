"""Signing in and out, over plain HTML forms; always beside the dashboard, whose cookie they set."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from core import password_links, sessions, users
from core.errors import Invalid, Problem
from gateway import bodies, forms
from gateway.gate import safe_next

LARGEST_FORM = 20_000
GONE = "This link was used, or is too old. Ask an administrator for another one."
# Only longer than any session: the server ends those, and prolongs them with each visit.
COOKIE_LASTS = 400 * 24 * 3600
STATUS = {"wrong": 401, "slowed": 429}  # of a problem's code; any other is 400

# Each password takes 64 MiB for its hash: two at a time, and no thread of those who look.
_hashing = CapacityLimiter(2)


async def sign_in(request: Request) -> Response:
    """The form, for the first administrator while there is no user; and what it sends."""
    if request.method == "POST":
        return await _sent(request)
    if link := request.query_params.get("link"):
        return await _choosing(link)
    token = request.cookies.get(sessions.cookie_name())
    if await to_thread.run_sync(sessions.actor, token):
        return RedirectResponse(safe_next(request.query_params.get("next", "/")), 303)
    typed = {name: request.query_params.get(name, "") for name in ("code", "next")}
    typed["next"] = safe_next(typed["next"])
    return forms.page(await _which(), typed=typed, wrong={})


async def _choosing(link: str, wrong: Mapping[str, str] | None = None) -> Response:
    """The form in which whoever has the link chooses a password."""
    name = await to_thread.run_sync(password_links.whose, link)
    if name is None:
        typed = {"code": "", "name": "", "next": "/"}
        return forms.page(await _which(), typed=typed, wrong={"name": GONE}, status=404)
    typed = {"link": link, "name": name, "next": "/"}
    return forms.page("link", typed=typed, wrong=wrong or {}, status=400 if wrong else 200)


async def sign_out(request: Request) -> Response:
    """End the session; a GET, which any page could cause, only offers the button."""
    if request.method != "POST":
        return forms.page("out", typed={}, wrong={})
    name = sessions.cookie_name()
    await to_thread.run_sync(sessions.sign_out, request.cookies.get(name))
    answer = _to("/sign-in")
    answer.delete_cookie(name, path="/", secure=sessions.over_tls(), httponly=True, samesite="lax")
    return answer


async def _sent(request: Request) -> Response:
    form = await _form(request)
    link = form.get("link", "")
    which = "link" if link else await _which()
    try:
        token = await to_thread.run_sync(_open, request, which, form, limiter=_hashing)
    except Invalid as refused:
        if link:
            return await _choosing(link, {one.field: one.message for one in refused.problems})
        return _refused(await _which(), form, refused.problems)
    answer = _to(safe_next(form.get("next", "/")))
    answer.set_cookie(
        sessions.cookie_name(),
        token,
        max_age=COOKIE_LASTS,
        path="/",
        secure=sessions.over_tls(),
        httponly=True,
        samesite="lax",
    )
    return answer


def _open(request: Request, which: str, form: Mapping[str, str]) -> str:
    name, password = form.get("name", ""), form.get("password", "")
    if which != "in" and password != form.get("again", ""):
        raise Invalid(Problem("again", "different", "The two passwords are not the same."))
    address = request.client.host if request.client else None
    agent = request.headers.get("user-agent")
    if which == "link":
        link = form["link"]
        return sessions.choose_password(link, password, address=address, user_agent=agent)
    if which == "first":
        users.first_administrator(name, password, form.get("code", ""))
    return sessions.sign_in(name, password, address=address, user_agent=agent)


def _refused(which: str, form: Mapping[str, str], problems: tuple[Problem, ...]) -> Response:
    """The form again with what was typed, but never a password."""
    typed = {name: form.get(name, "") for name in ("code", "name")}
    typed["next"] = safe_next(form.get("next", "/"))
    wrong = {problem.field: problem.message for problem in problems}
    if which == "in" and "code" in wrong:  # somebody else was first
        wrong["name"] = wrong.pop("code")
    answer = forms.page(which, typed=typed, wrong=wrong, status=STATUS.get(problems[0].code, 400))
    if seconds := problems[0].details.get("seconds"):
        answer.headers["Retry-After"] = str(seconds)
    return answer


async def _which() -> str:
    return "in" if await to_thread.run_sync(users.any_user) else "first"


async def _form(request: Request) -> dict[str, str]:
    body = await bodies.read(request, limit=LARGEST_FORM)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise HTTPException(400, "This is not the form of Outbox.") from None
    return dict(pairs)


def _to(where: str) -> RedirectResponse:
    return RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})


routes = [
    Route("/sign-in", sign_in, methods=["GET", "POST"]),
    Route("/sign-out", sign_out, methods=["GET", "POST"]),
]
