"""The page that shows what people would see."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect, sync_playwright

EVIL = "<img src=x onerror=\"document.title='taken over'\"> & <b>bold</b>"


def test_conversations_are_grouped_by_person_with_the_latest_first(api, until):
    api.text("+6281200000001", body="first")
    api.text("+6281200000002", body="second")
    api.text("+6281200000001", body="third")
    api.admin("inbound", {"phone_number_id": "5001", "from": "+6281200000002", "text": "an answer"})
    shown = api.get("/_sandbox/phone").json()
    assert shown["accepted"] == 3
    assert [(c["person"], c["number"]) for c in shown["conversations"]] == [
        ("+6281200000002", "5001"),
        ("+6281200000001", "5001"),
    ]
    assert [(b["text"], b["mine"]) for b in shown["conversations"][0]["bubbles"]] == [
        ("second", False),
        ("an answer", True),
    ]

    def ticks():
        bubbles = api.get("/_sandbox/phone").json()["conversations"][1]["bubbles"]
        return [bubble["status"] for bubble in bubbles] == ["read", "read"]

    until(ticks)


def test_a_template_is_shown_as_the_phone_renders_it(api):
    values = {"name": "Budi", "amount": "Rp150.000", "due_date": "1 Desember"}
    parameters = [
        {"type": "text", "parameter_name": name, "text": text} for name, text in values.items()
    ]
    template = {
        "name": "payment_reminder",
        "language": {"code": "id"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    head = {"messaging_product": "whatsapp", "to": "+6281", "type": "template"}
    api.post(head | {"template": template})
    bubble = api.get("/_sandbox/phone").json()["conversations"][0]["bubbles"][0]
    assert bubble["text"] == ("Halo Budi, tagihan sebesar Rp150.000 jatuh tempo pada 1 Desember.")


def test_a_template_is_shown_with_header_footer_and_buttons(api):
    def block(kind, *values):
        return {"type": kind, "parameters": [{"type": "text", "text": v} for v in values]}

    button = block("button", "A-1") | {"sub_type": "url", "index": "0"}
    components = [block("header", "A-1"), block("body", "Ana", "Mo", "We"), button]
    template = {"name": "order_shipped", "language": {"code": "en_US"}, "components": components}
    head = {"messaging_product": "whatsapp", "to": "+6281", "type": "template"}
    api.post(head | {"template": template})
    bubble = api.get("/_sandbox/phone").json()["conversations"][0]["bubbles"][0]
    assert bubble["header"] == "Order A-1"
    assert bubble["text"] == "Hi Ana, your order left us on Mo and should arrive on We."
    assert (bubble["footer"], bubble["buttons"]) == (
        "Thank you for your order",
        ["Track it", "Need help"],
    )


def test_a_failed_message_says_with_which_code(api, until):
    api.text("+447700900203")
    until(lambda: api.ledger()[0]["statuses"])
    bubble = api.get("/_sandbox/phone").json()["conversations"][0]["bubbles"][0]
    assert (bubble["status"], bubble["code"]) == ("failed", 131049)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_shows_texts_literally_follows_by_itself_and_answers(api, hook, until, scheme):
    # A thread of its own, because two synchronous Playwrights cannot share one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_look_at_the_page, api, scheme).result()
    until(lambda: any("messages" in value for value in hook.values()))


def _look_at_the_page(api, scheme: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(color_scheme=scheme)
        asked, problems = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(api.url)
        expect(page.locator("body")).to_contain_text("No message has arrived yet")
        api.text(body=EVIL)
        expect(page.locator(".bubble .text")).to_have_text(EVIL)
        expect(page.locator(".bubble .read")).to_have_text("✓✓")
        assert page.locator(".bubble img, .bubble b").count() == 0
        assert page.title() == "Sandbox phone"
        page.get_by_label("Answer as this person").fill("Yes, I am here")
        page.get_by_label("Answer as this person").press("Enter")
        expect(page.locator(".bubble.mine .text")).to_have_text("Yes, I am here")
        page.get_by_role("button", name="Answer this").click()
        expect(page.locator("#quote")).to_contain_text(EVIL)
        page.get_by_label("Answer as this person").fill("To that one")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".bubble.mine .quoted")).to_contain_text(EVIL)
        expect(page.locator("#quote")).to_be_hidden()
        assert all(url.startswith((api.url, "data:")) for url in asked)
        assert problems == []
        browser.close()
