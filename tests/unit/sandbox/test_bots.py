"""The sandbox's bots: create, update, get and delete."""

import pytest
from support.sandboxes import OfflineSandbox, running

# Creating.


def test_new_bot_is_shown_like_the_sample():
    bot = OfflineSandbox().create_bot(
        "Clientcare Bot", scope="team", team_ids=[12345678], calls="enabled"
    )
    assert bot.pop("id").isdigit()
    assert bot == {
        "unique_name": "clientcarebot",
        "name": "Clientcare Bot",
        "description": "Tells of builds",
        "scope": "team",
        "team_ids": [12345678],
        "calls": "enabled",
        "handlers": [],
        "creator": {"name": "James", "id": "65113112"},
        "execution_type": "deluge",
        "status": "enabled",
        "type": "custom",
        "default": False,
        "subscriber_count": 1,
    }


def test_fields_that_were_not_given_have_defaults_or_are_absent_and_the_image_is_not_shown():
    bot = OfflineSandbox().create_bot(image="aGk=")
    assert (bot["scope"], bot["calls"], bot["execution_type"]) == (
        "organization",
        "disabled",
        "deluge",
    )
    optional = {"team_ids", "status_messages", "channel_participation", "execution_url", "image"}
    assert not optional & bot.keys()


def test_webhook_bot_shows_its_url():
    bot = OfflineSandbox().create_webhook_bot()
    assert (bot["execution_type"], bot["execution_url"]) == (
        "webhook",
        "https://example.com/hook",
    )


def test_ids_ascend_and_are_found_at_once():
    sandbox = OfflineSandbox(bots=3)
    ids = [sandbox.create_bot(name)["id"] for name in ("One", "Two", "Three")]
    listed = [int(bot["id"]) for bot in sandbox.list_bots()["data"]]
    assert listed == sorted(listed)
    assert listed[3:] == list(map(int, ids))
    assert sandbox.request("get_bot", f"b-{ids[0]}")[0] == 200


@pytest.mark.parametrize(
    ("name", "unique_name"),
    [
        ("CI/CD Alert Bot", "cicdalertbot"),
        ("Übung 7", "bung7"),
        ("\u212aelvin", "elvin"),  # a sign whose small letter is an ASCII one
        ("机器人", "bot"),
        ("Support-Bot", "supportbot2"),
        ("Helper Bot-2", "helperbot22"),
    ],
)
def test_unique_name_is_made_of_ascii_letters_and_digits_and_is_new(name, unique_name):
    assert OfflineSandbox(bots=2).create_bot(name)["unique_name"] == unique_name


def test_unique_name_is_never_given_again():
    sandbox = OfflineSandbox()
    first = sandbox.create_bot("Pipeline Bot")
    assert sandbox.create_bot("Pipeline-Bot")["unique_name"] == "pipelinebot2"
    sandbox.request("delete_bot", first["id"])
    assert sandbox.create_bot("Pipeline Bot")["unique_name"] == "pipelinebot3"


@pytest.mark.parametrize("name", ["Support Bot", "SUPPORT bot"])
def test_name_is_unique_without_regard_to_case(name):
    body = {"name": name, "description": "d"}
    assert OfflineSandbox().refusal("create_bot", body=body) == (400, "bot_name_already_exists")


def test_number_of_bots_is_limited_but_not_that_of_the_first_ones():
    sandbox = OfflineSandbox(bots=3, bot_limit=4)
    bot = sandbox.create_bot()
    body = {"name": "One more", "description": "d"}
    assert sandbox.refusal("create_bot", body=body) == (400, "bot_creation_limit_exceeded")
    sandbox.request("delete_bot", bot["id"])
    sandbox.create_bot()
    assert OfflineSandbox(bots=3, bot_limit=2).refusal("create_bot", body=body) == (
        400,
        "bot_creation_limit_exceeded",
    )


def test_creator_is_a_person_and_the_first_subscriber():
    sandbox = OfflineSandbox()
    sandbox.create_bot()
    body = {"text": "hi", "user_ids": "james@example.com", "sync_message": True}
    assert sandbox.request("send_message", "pipelinebot", body=body)[0] == 200


# Changing.


def test_update_changes_the_given_fields_alone_and_not_the_unique_name():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot(status_messages=["a"], calls="enabled")
    changes = {"name": "CRM Bot", "status_messages": [], "image": "aGk="}
    status, answer = sandbox.request("update_bot", f"b-{bot['id']}", body=changes)
    assert (status, answer["url"], answer["type"]) == (
        200,
        f"/api/v3/bots/b-{bot['id']}",
        "bot",
    )
    assert answer["data"] == bot | {"name": "CRM Bot", "status_messages": []}
    assert sandbox.request("get_bot", bot["id"])[1]["data"] == answer["data"]


def test_bot_may_keep_its_name_in_other_letters_but_not_take_anothers():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    _, answer = sandbox.request("update_bot", bot["id"], body={"name": "PIPELINE BOT"})
    assert answer["data"]["name"] == "PIPELINE BOT"
    assert sandbox.refusal("update_bot", bot["id"], body={"name": "support bot"}) == (
        400,
        "bot_name_already_exists",
    )


def test_name_that_was_given_up_is_free():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    sandbox.request("update_bot", bot["id"], body={"name": "Other"})
    assert sandbox.create_bot()["unique_name"] == "pipelinebot2"


def test_execution_url_is_changed_of_a_webhook_bot_alone():
    sandbox = OfflineSandbox()
    url = {"execution_url": "http://example.com/new"}
    _, answer = sandbox.request("update_bot", sandbox.create_webhook_bot()["id"], body=url)
    assert answer["data"]["execution_url"] == "http://example.com/new"
    assert sandbox.refusal("update_bot", sandbox.create_bot()["id"], body=url) == (
        400,
        "execution_url_not_allowed",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_inputs"),
        ([], "invalid_inputs"),
        ({"scope": "team"}, "invalid_inputs"),
        ({"scope": "galaxy"}, "invalid_scope"),
        ({"execution_type": "deluge"}, "extra_key_found"),
    ],
)
def test_wrong_changes_are_refused(body, code):
    sandbox = OfflineSandbox()
    assert sandbox.refusal("update_bot", sandbox.create_bot()["id"], body=body) == (400, code)


# Reading.


def test_details_of_subscriptions_are_added_on_request():
    sandbox = OfflineSandbox(subscribers=2)
    (first,) = sandbox.list_bots()["data"]
    _, plain = sandbox.request("get_bot", first["id"])
    assert plain == {"url": f"/api/v3/bots/{first['id']}", "type": "bot", "data": first}
    _, more = sandbox.request("get_bot", first["id"], query={"fields": "subscription_details"})
    people = more["data"].pop("subscription_details")
    assert more == plain
    assert [set(person) for person in people] == [{"user_id", "name", "email_id"}] * 2
    assert sandbox.refusal("get_bot", first["id"], query={"fields": "x"}) == (400, "invalid_inputs")


def test_list_is_filtered_by_scope_and_an_unknown_scope_matches_nothing():
    sandbox = OfflineSandbox(bots=3)
    sandbox.create_bot(scope="personal")
    _, page = sandbox.request("list_bots", query={"scope": "personal"})
    assert [bot["unique_name"] for bot in page["data"]] == ["helperbot3", "pipelinebot"]
    assert sandbox.request("list_bots", query={"scope": "galaxy"})[1]["data"] == []


# Deleting.


def test_deleted_bot_is_gone_and_shows_in_the_sync():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    token = sandbox.list_bots()["sync_token"]
    assert sandbox.request("delete_bot", f"b-{bot['id']}") == (204, None)
    page = sandbox.list_bots(token)
    assert (page["data"], page["deleted"]) == ([], [bot["id"]])
    for name, reference in (
        ("get_bot", bot["id"]),
        ("delete_bot", bot["id"]),
        ("update_bot", bot["id"]),
        ("create_handler", bot["id"]),
        ("list_subscribers", "pipelinebot"),
        ("send_message", "pipelinebot"),
        ("send_incoming_webhook", "pipelinebot"),
        ("trigger_call", "pipelinebot"),
        ("associate_channel", "pipelinebot"),
    ):
        assert sandbox.refusal(name, reference) == (404, "bot_not_found")


def test_changes_of_a_bot_show_in_syncs():
    sandbox = OfflineSandbox(bots=2)
    bot = sandbox.create_bot()
    token = sandbox.list_bots()["sync_token"]
    for change in (
        lambda: sandbox.request("update_bot", bot["id"], body={"calls": "enabled"}),
        lambda: sandbox.request(
            "create_handler", bot["id"], body={"type": "message_handler", "script": "x"}
        ),
        lambda: sandbox.request("delete_handler", bot["id"], "message_handler"),
    ):
        change()
        page = sandbox.list_bots(token)
        assert [each["id"] for each in page["data"]] == [bot["id"]]
        assert page["deleted"] == []
        token = page["sync_token"]
    assert sandbox.list_bots(token)["data"] == []


# Over HTTP.


async def test_bot_is_made_changed_read_and_deleted_over_http():
    async with running() as caller:
        form = {"name": "Pipeline Bot", "description": "d"}
        status, made = await caller.request("POST", "/api/v3/bots", json=form)
        assert status == 200
        path = f"/api/v3/bots/b-{made['data']['id']}"
        status, changed = await caller.request("PATCH", path, json={"calls": "enabled"})
        assert (status, changed["data"]["calls"]) == (200, "enabled")
        assert await caller.get(path) == (200, changed)
        status, body = await caller.request("DELETE", path, token="bob")
        assert (status, body["code"]) == (403, "bot_permission_denied")
        assert await caller.request("DELETE", path) == (204, "")
        assert (await caller.get(path))[0] == 404
        assert (await caller.report())["requests"] == {
            "create_bot": 1,
            "update_bot": 1,
            "get_bot": 2,
            "delete_bot": 2,
        }


def test_team_ids_go_with_the_scope_that_they_belong_to():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot(scope="team", team_ids=[1])

    def change(**fields):
        return sandbox.request("update_bot", bot["id"], body=fields)[1]["data"]

    assert change(description="new")["team_ids"] == [1]
    assert change(scope="team", team_ids=[2])["team_ids"] == [2]
    assert "team_ids" not in change(scope="organization")
    assert "team_ids" not in change(description="newer")
