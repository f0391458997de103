"""Draws every page, light and dark, into docs/images: `make screenshots`. No test of anything."""

from datetime import timedelta
from io import BytesIO

import requests
from PIL import Image
from playwright.sync_api import Page, expect

from core import accounts, catalogue, clock, db, optouts, sampling, steering, users
from core.access import Role
from core.settings import ROOT, settings
from core.trends import Sample
from tests import given
from tests.browser.conftest import PASSWORD, Desk, Operator
from tests.core import templated
from tests.core.batched import batch
from tests.waiting import until

IMAGES = ROOT / "docs" / "images"
WIDE, NARROW, TALLEST = 1360, 390, 1800
VISIT = "Halo {}, besok pukul {}.00 kami tunggu di klinik. Balas pesan ini untuk mengubah janji."
NAMES = ("Dewi", "Budi", "Siti", "Agus", "Rina", "Putu", "Made", "Ayu")
CLINIC = "106540352242922"
REFUSED = "+447700900141"  # by the sandbox
LOWEST = {"settings": 1040}  # below it has the paths of the machine that draws
PAGES = (
    *("messages", "schedule", "many", "batches", "templates", "people", "accounts", "settings"),
    "audit",
)
MODES = ("Select", "Edit")
PHONE = ("overview", "messages", "message", "schedule")


def text(number: int) -> str:
    return VISIT.format(NAMES[number % len(NAMES)], 8 + number % 9)


def fill(desk: Desk) -> dict[str, str]:
    """A morning at a clinic; returns the addresses of what has a page of its own."""
    clinic = templated.account(
        "Klinik Sehat", country="ID", zone="Asia/Jakarta", rate=8, phone_number_id=CLINIC
    )
    dental = templated.account("Dental Care", country="ID", zone="Asia/Jakarta", rate=4)
    shop = given.account("Toko", country="ID", zone="Asia/Jakarta")
    templated.read_again(clinic)
    sent = [given.message(clinic, to=given.recipient(n), text=text(n)) for n in range(24)]
    failed = given.message(clinic, to=REFUSED, text=text(3))
    for n in range(40):
        account, later = (clinic, dental)[n % 2], given.in_(minutes=10 + 31 * n)
        given.message(account, to=given.recipient(100 + n), text=text(n), when=later)
    given.message(shop, to=given.recipient(500), text="Pesanan Anda siap diambil.")
    accounts.pause("Toko", reason="closed for stocktaking", by=given.ANA)
    half, _ = batch(dental, [{"text": text(n)} for n in range(30)], name="Wednesday, Dental")
    held, _ = batch(clinic, [{"text": text(n)} for n in range(80)], name="Friday, Klinik")
    steering.release_first(half, 12, by=given.ANA)
    optouts.add([given.recipient(n) for n in range(600, 604)], reason="STOP", by=given.ANA)
    users.add("budi", role=Role.OPERATOR, password=PASSWORD, by=given.ANA)
    hour(clinic, dental)
    until(lambda: given.row(failed).status == "failed", within=60)
    until(lambda: given.row(sent[-1]).delivery == "read", within=60)
    answered = given.row(sent[0])
    said = {"from": answered.recipient, "text": "Baik, terima kasih!"}
    said |= {"phone_number_id": CLINIC, "context": answered.meta_message_id}
    inbound = f"http://127.0.0.1:{settings().sandbox_port}/_sandbox/inbound"
    requests.post(inbound, json=said, timeout=5).raise_for_status()
    return {
        "overview": "/",
        "message": f"/message?id={sent[0]}",
        "failed": f"/message?id={failed}",
        "batch": f"/batches?id={held}",
        "not-reached": "/not_reached",
        "template": f"/template?id={min(catalogue.names())}",
        "account": f"/accounts?id={clinic}",
        **{f"messages-{mode.lower()}": "/messages" for mode in MODES},
    } | {name: f"/{name}" for name in PAGES}


def hour(*accounts: int) -> None:
    """The last hour as the samples of each minute have it: a wave of reminders that was sent."""
    now = clock.wall().replace(second=0, microsecond=0)
    with db.writing() as session:
        for ago in range(60, 0, -1):
            wave = max(0, 40 - abs(ago - 32))
            rows = [
                Sample(
                    at=now - timedelta(minutes=ago),
                    account_id=account,
                    account="",
                    reasons={"turn": 9 * wave, "scheduled": 50 + 4 * ago, "batch": 80},
                    standings={"waiting": 9 * wave, "scheduled": 50 + 4 * ago, "held": 80},
                    oldest=wave / 9 or None,
                    sent=int(rate * min(60, 3 + 1.4 * wave)),
                    p50=0.3 + wave / 90,
                    p95=0.8 + wave / 14,
                    rate=rate,
                )
                for account, rate in zip(accounts, (8.0, 4.0), strict=True)
            ]
            sampling._keep(session, 60, rows)


def draw(person: Operator, name: str, path: str, width: int) -> None:
    """The whole page, as high as it is up to a limit; nothing of it under the pointer."""
    page = person.page
    page.set_viewport_size({"width": width, "height": 900})
    person.open(path)
    for mode in MODES:
        if name.startswith(f"messages-{mode.lower()}"):
            person.choose(mode)
    page.wait_for_load_state("networkidle")
    needed = page.get_by_test_id("stMain").evaluate("one => one.scrollHeight")
    height = LOWEST.get(name.partition("-")[0], min(max(needed, 700), TALLEST))
    page.set_viewport_size({"width": width, "height": height})
    person.settled()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)  # what is still to be loaded
    keep(page, name)


def sign_in(person: Operator, name: str, width: int) -> None:
    person.page.set_viewport_size({"width": width, "height": 700})
    person.page.goto(f"{person.site}/sign-in")
    keep(person.page, name)


def keep(page: Page, name: str) -> None:
    shot = Image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    shot.quantize(256).save(IMAGES / f"{name}.png", optimize=True)


def test_screenshots(desk: Desk) -> None:
    ana, stranger = desk.newcomer(), desk.operator()
    pages = fill(desk)
    for scheme in ("light", "dark"):
        for person in (ana, stranger):
            person.page.emulate_media(color_scheme=scheme)
        for name, path in pages.items():
            draw(ana, f"{name}-{scheme}", path, WIDE)
        sign_in(stranger, f"sign-in-{scheme}", WIDE)
    for name in PHONE:
        draw(ana, f"{name}-phone", pages[name], NARROW)
    sign_in(stranger, "sign-in-phone", NARROW)
