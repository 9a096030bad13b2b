"""The state of a sandbox as a whole."""

import pytest
from support.sandboxes import FIRST, OfflineSandbox

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.state.state import State


def test_bots_are_found_by_name_and_by_id_with_or_without_prefix():
    bots = State.initial(bots=3, subscribers=0).bots
    names = [record["unique_name"] for record in bots.records.page(9)["data"]]
    assert names == ["supportbot", "helperbot2", "helperbot3"]
    bot = bots.by_name("supportbot")
    bot_id = bot.record["id"]
    assert bots.by_id(bot_id) is bots.by_id(f"b-{bot_id}") is bot
    assert bots.by_name_or_id("supportbot") is bots.by_name_or_id(bot_id) is bot
    for find, reference in (
        (bots.by_name, bot_id),
        (bots.by_id, "supportbot"),
        (bots.by_name_or_id, "nobody"),
    ):
        with pytest.raises(ApiFault, match="No bot") as caught:
            find(reference)
        assert (caught.value.status, caught.value.code) == (404, "bot_not_found")


def test_recipients_are_subscribers_once_each_by_zuid_or_email():
    state = State.initial(bots=1, subscribers=3)
    bot = state.bots.by_name("supportbot")
    ann, bob, _ = bot.subscribers.all()
    named = [ann["user_id"], ann["email_id"].upper(), "nobody@example.com", "1", bob["email_id"]]
    assert state.resolve_subscribers(bot, named) == [ann["user_id"], bob["user_id"]]
    with pytest.raises(ApiFault) as caught:
        state.resolve_subscribers(bot, ["1", "james@example.com"])
    assert caught.value.code == "botmessage_no_valid_users"


def test_deliveries_are_counted_by_user():
    delivered = State.initial(bots=1, subscribers=0).delivered
    delivered.add("ann", ["1", "2"])
    delivered.add("bob", ["1"])
    assert delivered.counts() == {"1": 2, "2": 1}
    assert delivered.counts("bob") == {"1": 1}
    assert not delivered.counts("eve")


# Subscribers come and go.


def test_new_subscribers_are_people_with_names_and_emails_of_their_own():
    sandbox = OfflineSandbox(subscribers=0)
    bot = sandbox.state.bots.by_name("supportbot")
    token = bot.subscribers.page(9)["sync_token"]
    sandbox.state.subscribe(bot, ["7", "8", "7"])
    people = bot.subscribers.page(9, sync_token=token)["data"]
    assert [person["user_id"] for person in people] == ["7", "8"]
    assert len({person["email_id"] for person in people}) == 2
    assert all(person["name"] for person in people)
    assert sandbox.state.resolve_subscribers(bot, [people[1]["email_id"]]) == ["8"]


def test_made_up_people_have_no_email_of_the_first_ones():
    sandbox = OfflineSandbox(subscribers=50)
    bot = sandbox.state.bots.by_name("supportbot")
    sandbox.state.subscribe(bot, map(str, range(100)))
    assert len({person["email_id"] for person in bot.subscribers.all()}) == 150


def test_returning_subscribers_are_the_same_people():
    sandbox = OfflineSandbox()
    bot = sandbox.state.bots.by_name("supportbot")
    before = bot.subscribers.get(FIRST)
    sandbox.state.unsubscribe(bot, [FIRST, "1", FIRST])
    assert bot.subscribers.get(FIRST) is None
    assert sandbox.refusal("send_message", "supportbot", body={"text": "x", "user_ids": FIRST}) == (
        400,
        "botmessage_no_valid_users",
    )
    sandbox.state.subscribe(bot, [FIRST])
    assert bot.subscribers.get(FIRST) == before


def test_subscriber_count_follows_and_shows_in_a_sync():
    sandbox = OfflineSandbox(bots=2)
    bot = sandbox.state.bots.by_name("supportbot")
    token = sandbox.list_bots()["sync_token"]
    sandbox.state.subscribe(bot, ["1", "2"])
    (record,) = sandbox.list_bots(token)["data"]
    assert (record["unique_name"], record["subscriber_count"]) == ("supportbot", 5)
    sandbox.state.unsubscribe(bot, ["1"])
    assert sandbox.list_bots(token)["data"][0]["subscriber_count"] == 4


def test_repeated_subscribe_or_unsubscribe_changes_nothing():
    sandbox = OfflineSandbox()
    token = sandbox.list_bots()["sync_token"]
    bot = sandbox.state.bots.by_name("supportbot")
    sandbox.state.subscribe(bot, [FIRST])
    sandbox.state.unsubscribe(bot, ["1"])
    assert sandbox.list_bots(token)["data"] == []


# Lists of subscribers.


def test_subscribers_are_listed_by_id_or_unique_name_to_the_bots_owner_alone():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    for reference in (bot["id"], f"b-{bot['id']}", "pipelinebot"):
        status, page = sandbox.request("list_subscribers", reference)
        assert (status, page["type"]) == (200, "bot_subscriber")
        assert page["url"] == f"/api/v3/bots/{reference}/subscribers"
        assert page["data"] == [
            {"user_id": "65113112", "name": "James", "email_id": "james@example.com"}
        ]
        assert sandbox.refusal("list_subscribers", reference, user="bob") == (403, None)
    assert sandbox.request("list_subscribers", "supportbot", user="bob")[0] == 200
