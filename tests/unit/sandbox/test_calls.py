from uuid import UUID

from support.sandboxes import FIRST, SECOND, THIRD, OfflineSandbox, running

from cliq_async.sandbox import user_label
from cliq_async.sandbox.state.calls import Calls


def test_call_reaches_the_valid_ones_named_once_each():
    sandbox = OfflineSandbox()
    email = sandbox.state.people.get(SECOND)["email_id"]
    body = {"text": "Down", "user_ids": [FIRST, email, "1", SECOND]}
    status, answer = sandbox.request("trigger_call", "supportbot", body=body)
    assert (status, answer["user_ids"]) == (200, [FIRST, SECOND])
    assert str(UUID(answer["id"])) == answer["id"]
    assert UUID(answer["id"]).version == 4


def test_call_without_user_ids_reaches_all_subscribers():
    _, answer = OfflineSandbox().request("trigger_call", "supportbot", body={"text": "Down"})
    assert answer["user_ids"] == [FIRST, SECOND, THIRD]


def test_call_without_a_valid_user_is_refused():
    body = {"text": "Down", "user_ids": ["1"]}
    assert OfflineSandbox().refusal("trigger_call", "supportbot", body=body) == (
        400,
        "botmessage_no_valid_users",
    )


def test_bot_calls_only_if_calls_are_enabled():
    sandbox = OfflineSandbox()
    bot = sandbox.create_bot()
    refusal = sandbox.refusal("trigger_call", "pipelinebot", body={"text": "Down"})
    assert refusal == (400, "bot_alert_not_enabled")
    sandbox.request("update_bot", bot["id"], body={"calls": "enabled"})
    assert sandbox.request("trigger_call", "pipelinebot", body={"text": "Down"})[0] == 200


def test_ids_are_the_same_for_the_same_seed_and_differ_otherwise():
    def ids(seed):
        calls = Calls(seed=seed)
        return [calls.add({}, bot="b", user="u") for _ in range(3)]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 6


def test_only_the_last_calls_are_remembered_and_their_ids_go_on():
    calls = Calls(capacity=2)
    ids = [calls.add({}, bot="b", user="u") for _ in range(3)]
    assert [call["id"] for call in calls.all()] == ids[1:]
    again = Calls(calls.all(), count=calls.count)
    assert again.add({}, bot="b", user="u") not in ids


async def test_calls_are_made_over_http_and_reported_like_deliveries():
    async with running(subscribers=2) as caller:
        path = "/api/v3/bots/supportbot/calls"
        body = {"text": "Down", "user_ids": [FIRST]}
        _, first = await caller.request("POST", path, json=body)
        await caller.request("POST", path, json={"text": "Up"}, token="bob")
        report = await caller.report()
        assert report["called"] == {"recipients": 2, "total": 3, "max_per_recipient": 2}
        assert report["delivered"]["total"] == 0
        mine = await caller.report(user=user_label("ann"))
        assert mine["called"] == {"recipients": 1, "total": 1, "max_per_recipient": 1}
        one, two = caller.sandbox.calls
        assert one == {
            "id": first["id"],
            "bot": "supportbot",
            "user": user_label("ann"),
            "body": body,
        }
        assert two["body"] == {"text": "Up"}
