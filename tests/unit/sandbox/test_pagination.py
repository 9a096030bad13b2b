from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from cliq_async.sandbox.errors import ApiFault
from cliq_async.sandbox.state.pagination import PaginatedCollection, Revisions


def collection(count=10):
    return PaginatedCollection("things", ((str(10 + n), {"id": str(10 + n)}) for n in range(count)))


def ids(page):
    return [record["id"] for record in page["data"]]


def test_pages_give_every_record_once_and_the_last_has_no_next_token():
    things, seen, token = collection(10), [], None
    while True:
        page = things.page(3, next_token=token)
        seen += ids(page)
        token = page.get("next_token")
        if token is None:
            break
    assert seen == [str(10 + n) for n in range(10)]


def test_a_full_last_page_has_no_next_token():
    assert "next_token" not in collection(3).page(3)


def test_an_empty_collection_is_one_empty_page():
    assert collection(0).page(3)["data"] == []


def test_cursor_skips_and_repeats_nothing_when_records_come_and_go():
    things = collection(6)
    first = things.page(3)
    things.remove("10")
    things.remove("12")  # the cursor's own
    things.put("9", {"id": "9"})
    things.put("20", {"id": "20"})
    assert ids(first) == ["10", "11", "12"]
    assert ids(things.page(9, next_token=first["next_token"])) == ["13", "14", "15", "20"]


def test_ids_are_ordered_as_numbers():
    things = collection(1)
    things.put("9", {"id": "9"})
    things.put("100", {"id": "100"})
    assert ids(things.page(9)) == ["9", "10", "100"]


def test_sync_returns_changed_and_removed_records():
    things = collection(4)
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
    things = collection(4)
    token = things.page(9)["sync_token"]
    things.remove("12")
    for key in ("12", "50", "51"):
        things.put(key, {"id": key})
    page = things.page(2, sync_token=token)
    assert ids(page) == ["12", "50"]
    assert page["deleted"] == []
    assert ids(things.page(2, next_token=page["next_token"])) == ["51"]


def test_change_made_while_pages_are_read_is_in_the_next_sync():
    things = collection(4)
    first = things.page(2)
    things.put("10", {"id": "10", "name": "new"})
    last = things.page(2, next_token=first["next_token"])
    assert ids(things.page(9, sync_token=last["sync_token"])) == ["10"]


def test_removing_an_unknown_record_is_a_key_error():
    with pytest.raises(KeyError):
        collection().remove("1")


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
    things = collection()
    token = things.page(3)["next_token"]
    with pytest.raises(ApiFault) as caught:
        things.page(3, next_token=spoil(token))
    assert caught.value.status == 400


def test_tokens_of_another_kind_or_list_are_refused():
    things = collection()
    page = things.page(3)
    other = PaginatedCollection("others", [])
    for tokens in (
        {"next_token": page["sync_token"]},
        {"sync_token": page["next_token"]},
    ):
        with pytest.raises(ApiFault):
            things.page(3, **tokens)
    with pytest.raises(ApiFault):
        other.page(3, sync_token=page["sync_token"])


def test_a_sync_token_of_a_run_that_had_come_further_is_refused():
    things = collection()
    things.remove("10")
    token = things.page(3)["sync_token"]
    with pytest.raises(ApiFault) as caught:
        collection().page(3, sync_token=token)
    assert caught.value.status == 400


def test_size_of_a_collection_follows_its_records():
    things = collection(2)
    assert (len(things), "10" in things, things.get("10")) == (2, True, {"id": "10"})
    things.remove("10")
    assert (len(things), "10" in things, things.get("10")) == (1, False, None)


def test_records_are_had_all_or_by_their_ids():
    things = collection(3)
    assert [record["id"] for record in things.all()] == ["10", "11", "12"]
    assert things.existing(["12", "99", "10"]) == ["12", "10"]


def test_tokens_outlive_a_collection_whose_revisions_are_restored():
    things = collection(4)
    first, synced = things.page(2), things.page(9)["sync_token"]
    things.put("10", {"id": "10", "name": "new"})
    things.remove("11")
    again = PaginatedCollection("things", ((record["id"], record) for record in things.all()))
    again.restore(things.revisions())
    assert ids(again.page(9, next_token=first["next_token"])) == ["12", "13"]
    page = again.page(9, sync_token=synced)
    assert (ids(page), page["deleted"]) == (["10"], ["11"])
    assert things.revisions() == again.revisions()


def test_revisions_of_other_records_are_an_error():
    with pytest.raises(ValueError, match="things"):
        collection(1).restore(Revisions(1, {"99": 1}, {}))
