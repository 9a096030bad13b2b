from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from cliq_async.sandbox.checks import Refused
from cliq_async.sandbox.state import Catalogue, State


def catalogue(count=10):
    return Catalogue("things", ((str(10 + n), {"id": str(10 + n)}) for n in range(count)))


def ids(page):
    return [record["id"] for record in page["data"]]


def test_pages_give_every_record_once_and_the_last_has_no_next_token():
    things, seen, token = catalogue(10), [], None
    while True:
        page = things.page(3, next_token=token)
        seen += ids(page)
        token = page.get("next_token")
        if token is None:
            break
    assert seen == [str(10 + n) for n in range(10)]


def test_a_full_last_page_has_no_next_token():
    assert "next_token" not in catalogue(3).page(3)


def test_an_empty_catalogue_is_one_empty_page():
    assert catalogue(0).page(3)["data"] == []


def test_cursor_skips_and_repeats_nothing_when_records_come_and_go():
    things = catalogue(6)
    first = things.page(3)
    things.remove("10")
    things.remove("12")  # the cursor's own
    things.put("9", {"id": "9"})
    things.put("20", {"id": "20"})
    assert ids(first) == ["10", "11", "12"]
    assert ids(things.page(9, next_token=first["next_token"])) == ["13", "14", "15", "20"]


def test_ids_are_ordered_as_numbers():
    things = catalogue(1)
    things.put("9", {"id": "9"})
    things.put("100", {"id": "100"})
    assert ids(things.page(9)) == ["9", "10", "100"]


def test_sync_gives_what_changed_and_what_went():
    things = catalogue(4)
    token = things.page(9)["sync_token"]
    assert things.page(9, sync_token=token)["data"] == []
    things.put("11", {"id": "11", "name": "new"})
    things.remove("12")
    things.put("99", {"id": "99"})
    page = things.page(9, sync_token=token)
    assert page["data"] == [{"id": "11", "name": "new"}, {"id": "99"}]
    assert page["deleted"] == ["12"]
    assert things.page(9, sync_token=page["sync_token"])["data"] == []


def test_sync_goes_on_over_pages_and_a_record_that_came_back_is_not_deleted():
    things = catalogue(4)
    token = things.page(9)["sync_token"]
    things.remove("12")
    for key in ("12", "50", "51"):
        things.put(key, {"id": key})
    page = things.page(2, sync_token=token)
    assert ids(page) == ["12", "50"]
    assert page["deleted"] == []
    assert ids(things.page(2, next_token=page["next_token"])) == ["51"]


def test_change_made_while_pages_are_read_is_in_the_next_sync():
    things = catalogue(4)
    first = things.page(2)
    things.put("10", {"id": "10", "name": "new"})
    last = things.page(2, next_token=first["next_token"])
    assert ids(things.page(9, sync_token=last["sync_token"])) == ["10"]


def test_removing_what_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        catalogue().remove("1")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: "",
        lambda token: "nonsense",
        lambda token: "é" + token,
        lambda token: token[:-4],
        lambda token: urlsafe_b64encode(
            urlsafe_b64decode(token).replace(b"things", b"thinks")
        ).decode(),
    ],
)
def test_damaged_tokens_are_refused(spoil):
    things = catalogue()
    token = things.page(3)["next_token"]
    with pytest.raises(Refused) as caught:
        things.page(3, next_token=spoil(token))
    assert caught.value.status == 400


def test_tokens_of_another_kind_or_list_are_refused():
    things = catalogue()
    page = things.page(3)
    other = Catalogue("others", [])
    for tokens in (
        {"next_token": page["sync_token"]},
        {"sync_token": page["next_token"]},
    ):
        with pytest.raises(Refused):
            things.page(3, **tokens)
    with pytest.raises(Refused):
        other.page(3, sync_token=page["sync_token"])


def test_bots_are_found_by_name_and_by_id_with_or_without_prefix():
    state = State(bots=3, subscribers=0)
    names = [record["unique_name"] for record in state.bots.page(9)["data"]]
    assert names[0] == "supportbot"
    assert len(set(names)) == 3
    bot = state.bot("supportbot")
    assert state.bot(bot.record["id"]) is bot
    assert state.bot(f"b-{bot.record['id']}") is bot
    for reference, by_id in (("nobody", True), (bot.record["id"], False)):
        with pytest.raises(Refused, match="No bot") as caught:
            state.bot(reference, by_id=by_id)
        assert (caught.value.status, caught.value.code) == (404, "bot_not_found")


def test_recipients_are_subscribers_once_each_by_zuid_or_email():
    state = State(bots=1, subscribers=3)
    bot = state.bot("supportbot")
    ann, bob, _ = bot.subscribers.page(9)["data"]
    named = [ann["user_id"], ann["email_id"].upper(), "nobody@example.com", "1", bob["email_id"]]
    assert state.valid(bot, named) == [ann["user_id"], bob["user_id"]]


def test_deliveries_are_counted_by_user():
    state = State(bots=1, subscribers=0)
    state.deliver("ann", ["1", "2"])
    state.deliver("bob", ["1"])
    assert state.delivered() == {"1": 2, "2": 1}
    assert state.delivered("bob") == {"1": 1}
    assert not state.delivered("eve")


def test_size_of_a_catalogue_follows_its_records():
    things = catalogue(2)
    assert (len(things), "10" in things, things.get("10")) == (2, True, {"id": "10"})
    things.remove("10")
    assert (len(things), "10" in things, things.get("10")) == (1, False, None)
