import json

import pytest

from cliq_async.deploy.errors import DeployError
from cliq_async.deploy.lock import LockEntry, LockFile, digest

ZOHO = "https://cliq.zoho.com"
ONE, TWO = (LockEntry(id=each, unique_name=f"bot{each}") for each in "12")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cliq.lock"


def test_each_server_and_network_has_entries_of_its_own(path):
    LockFile(path, ZOHO).put("a", ONE)
    LockFile(path, ZOHO + "/network/b").put("a", TWO)
    assert LockFile(path, ZOHO + "/").entries("a") == [ONE]
    assert LockFile(path, ZOHO + "/network/b").entries("a") == [TWO]
    assert LockFile(path, "https://cliq.zoho.eu").entries("a") == []
    assert LockFile(path, ZOHO).entries("b") == []


def test_two_organizations_of_a_server_have_an_entry_each_the_last_one_first(path):
    lock = LockFile(path, ZOHO)
    for entry in (ONE, TWO, ONE):
        lock.put("a", entry)
    assert lock.entries("a") == [ONE, TWO]
    lock.put("a", LockEntry(id="b-2", unique_name="bot2"))
    assert [entry.id for entry in lock.entries("a")] == ["b-2", "1"]


def test_a_sandbox_that_started_afresh_leaves_no_entries_and_few_are_remembered(path):
    LockFile(path, ZOHO).put("a", ONE)
    for port in range(8000, 8006):
        LockFile(path, f"http://127.0.0.1:{port}").put("a", ONE)
        LockFile(path, f"http://127.0.0.1:{port}").put("a", TWO)
    servers = json.loads(path.read_text())["servers"]
    assert list(servers) == [ZOHO, *(f"http://127.0.0.1:{port}" for port in range(8002, 8006))]
    assert LockFile(path, "http://127.0.0.1:8005").entries("a") == [TWO]


def test_an_entry_keeps_what_cliq_does_not_tell(path):
    entry = LockEntry(
        id="1", unique_name="a", digests={"image": digest("x")}, default_handlers=("welcome",)
    )
    LockFile(path, ZOHO).put("a", entry)
    assert LockFile(path, ZOHO).entries("a") == [entry]
    assert "x" not in json.loads(path.read_text())["servers"][ZOHO]["a"][0]["digests"].values()


def test_the_file_can_be_read_by_others_and_keeps_its_mode(path):
    LockFile(path, ZOHO).put("a", ONE)
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    LockFile(path, ZOHO).put("a", TWO)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<<<<<<< HEAD\n", "is damaged, perhaps by a merge"),
        ("[]", "is damaged"),
        ('{"version": 1, "servers": {"x": {"a": [{}]}}}', "is damaged"),
        ('{"version": 2, "servers": {}}', "was written by a later version"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(path, content, said):
    path.write_text(content)
    lock = LockFile(path, ZOHO)
    for use in (lambda: lock.entries("a"), lock.check_writable, lambda: lock.put("a", ONE)):
        with pytest.raises(DeployError, match=said) as caught:
            use()
        assert str(path) in str(caught.value)
    assert path.read_text() == content
