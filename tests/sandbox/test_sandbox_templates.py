"""Template sends against their templates, and the list of templates."""

import pytest

TO = "+6281234567890"


@pytest.fixture
def send(api):
    """Sends a template: `send(name, components, language)`."""

    def post(name, components=None, language="en_US", **options):
        template = {"name": name, "language": {"code": language}}
        if components is not None:
            template["components"] = components
        body = {"messaging_product": "whatsapp", "to": TO, "type": "template"}
        return api.post(body | {"template": template}, **options)

    return post


def words(*values, **named):
    positional = [{"type": "text", "text": value} for value in values]
    return positional + [
        {"type": "text", "parameter_name": name, "text": value} for name, value in named.items()
    ]


def body(*values, **named):
    return {"type": "body", "parameters": words(*values, **named)}


def header(*values):
    return {"type": "header", "parameters": words(*values)}


def url_button(text="A-1", index="0"):
    return {"type": "button", "sub_type": "url", "index": index, "parameters": words(text)}


IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"id": "28718340063"}}]}
SHIPPED = [header("A-1"), body("Ana", "Mo", "We"), url_button()]


def test_a_template_is_accepted_with_its_message_status(api, send):
    answer = send("hello_world")
    assert answer.status_code == 200
    assert answer.json()["messages"][0]["message_status"] == "accepted"
    row = api.ledger()[0]
    assert row["template"] == {"name": "hello_world", "language": {"code": "en_US"}}
    assert "text" not in row


@pytest.mark.parametrize(
    "name, language, components",
    [
        ("order_shipped", "en_US", SHIPPED),
        ("order_shipped", "id", SHIPPED),
        ("payment_reminder", "id", [body(name="Budi", amount="Rp1", due_date="1/12")]),
        (
            "reservation_confirmation",
            "en_US",
            [
                IMAGE,
                body(number_of_guests="4", day="Saturday", time="19:30"),
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "2",
                    "parameters": [{"type": "payload", "payload": "CANCEL"}],
                },
            ],
        ),
    ],
)
def test_named_and_positional_parameters_are_taken(send, name, language, components):
    assert send(name, components, language).status_code == 200


@pytest.mark.parametrize(
    "name, language, components, status, code, details",
    [
        ("nothing", "en_US", None, 404, 132001, "(nothing) does not exist in en_US"),
        ("hello_world", "pt_PT", None, 404, 132001, "(hello_world) does not exist in pt_PT"),
        ("free_iphone", "en_US", None, 404, 132001, "is not approved"),
        ("visit_tomorrow", "de", [body("9")], 404, 132001, "is not approved"),
        ("spring_offer", "en_US", [body("Mark")], 400, 132015, "is paused"),
        ("old_newsletter", "en_US", None, 400, 132016, "is disabled"),
        ("autumn_sale", "en_US", [body("Mark")], 400, 132000, "(1) does not match"),
        ("hello_world", "en_US", [body("Mark")], 400, 132000, "number of params (0)"),
        ("autumn_sale", "en_US", [body(a="1", b="2")], 400, 132012, "named parameters"),
        ("payment_reminder", "id", [body("a", "b", "c")], 400, 132012, "must be one of name"),
        ("autumn_sale", "en_US", [body("", "X")], 400, 131008, "has no text"),
        ("autumn_sale", "en_US", [body("x" * 1100, "y")], 400, 132005, "longer than 1024"),
        ("order_shipped", "en_US", SHIPPED[:2], 400, 131008, "Button at index 0 of type Url"),
        ("order_shipped", "en_US", [*SHIPPED, url_button(index="7")], 400, 132012, "index 7"),
        ("order_shipped", "en_US", [*SHIPPED, url_button(index="1")], 400, 132012, "type url"),
        ("hello_world", "en_US", [{"type": "BODY"}], 400, 100, "must be one of header"),
        ("hello_world", "en_US", "none", 400, 100, "must be an array"),
    ],
)
def test_a_template_send_that_does_not_fit_is_refused(
    send, api, name, language, components, status, code, details
):
    answer = send(name, components, language)
    assert answer.json()["error"]["code"] == code
    assert details in answer.json()["error"]["error_data"]["details"]
    assert answer.status_code == status
    assert api.ledger() == []


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "five     spaces"])
def test_what_a_parameter_may_not_hold_is_132018_since_v23_and_132012_before(send, text):
    components = [body(text, "X")]
    new, old = (send("autumn_sale", components, version=v) for v in ("v23.0", "v22.0"))
    assert new.json()["error"]["code"] == 132018
    assert old.json()["error"]["code"] == 132012
    assert send("autumn_sale", [body("four    spaces", "X")]).status_code == 200


def test_an_image_header_needs_its_image(send):
    text = body(number_of_guests="4", day="Saturday", time="19:30")
    answer = send("reservation_confirmation", [header("words"), text])
    assert answer.json()["error"]["code"] == 132012
    both = {"type": "image", "image": {"id": "1", "link": "https://example.com/a.jpg"}}
    answer = send("reservation_confirmation", [{"type": "header", "parameters": [both]}, text])
    assert answer.json()["error"]["code"] == 131008


def test_a_paused_template_sends_again_after_unpause(send, api):
    paused = api.get("/v25.0/100200300400500/message_templates?status=paused").json()["data"]
    assert [template["name"] for template in paused] == ["spring_offer"]
    unpause = f"{api.url}/v25.0/{paused[0]['id']}/unpause"
    assert api.session.post(unpause, timeout=5).json() == {"success": True}
    assert send("spring_offer", [body("Mark")]).status_code == 200
    assert api.session.post(unpause, timeout=5).json()["error"]["code"] == 100


def test_a_template_can_be_paused_while_sending(send, api):
    api.admin("settings", {"templates": {"hello_world": "PAUSED"}})
    assert send("hello_world").json()["error"]["code"] == 132015


def test_the_list_is_paged_by_cursors_to_its_end(api):
    names, path = [], "/v25.0/100200300400500/message_templates?limit=4&fields=name,language"
    while path:
        page = api.get(path).json()
        assert all(set(item) == {"name", "language", "id"} for item in page["data"])
        names += [(item["name"], item["language"]) for item in page["data"]]
        path = page["paging"].get("next", "").removeprefix(api.url)
    whole = api.get("/v25.0/100200300400500/message_templates").json()
    assert names == [(item["name"], item["language"]) for item in whole["data"]]
    assert len(names) == 10
    assert ("order_shipped", "en_US") in names
    assert ("order_shipped", "id") in names


def test_a_page_before_a_cursor_ends_where_that_page_began(api):
    list_url = "/v25.0/100200300400500/message_templates?limit=3"
    first = api.get(list_url).json()
    second = api.get(f"{list_url}&after={first['paging']['cursors']['after']}").json()
    before = second["paging"]["cursors"]["before"]
    assert api.get(f"{list_url}&before={before}").json()["data"] == first["data"]


@pytest.mark.parametrize("cursor", ["nonsense", "!!!", "w6Q"])
def test_a_cursor_from_elsewhere_is_131059(api, cursor):
    answer = api.get(f"/v25.0/100200300400500/message_templates?after={cursor}")
    assert answer.json()["error"]["code"] == 131059


def test_the_list_is_filtered_by_name_language_and_category(api):
    url = "/v25.0/100200300400500/message_templates"
    assert len(api.get(f"{url}?name=order_shipped").json()["data"]) == 2
    assert len(api.get(f"{url}?name=order_shipped&language=id").json()["data"]) == 1
    assert len(api.get(f"{url}?category=marketing&status=APPROVED").json()["data"]) == 1
    assert api.get(f"{url}?name=absent").json() == {"data": []}


def test_a_template_can_be_edited_and_deleted_as_at_meta(api, send):
    listed = "/v25.0/100200300400500/message_templates?fields=name,category,quality_score"
    changes = {"category": "MARKETING", "quality": "RED", "components": [{"type": "BODY"}]}
    api.admin("settings", {"templates": {"hello_world": changes, "autumn_sale": "DELETED"}})
    nodes = {node["name"]: node for node in api.get(listed).json()["data"]}
    assert nodes["hello_world"]["category"] == "MARKETING"
    assert nodes["hello_world"]["quality_score"] == {"score": "RED"}
    assert "autumn_sale" not in nodes
    assert send("autumn_sale").json()["error"]["code"] == 132001


def test_the_list_is_refused_as_ordered_and_then_answers_as_usual(api):
    listed = "/v25.0/100200300400500/message_templates"
    api.admin("settings", {"listing": [None, 80007]})
    assert [api.get(listed).status_code for _ in range(3)] == [200, 429, 200]
