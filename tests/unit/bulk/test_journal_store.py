"""Where a journal is: a file, or a name on a server."""

from pathlib import Path

import pytest
from support.journals import IDENTITY

from cliq_async.bulk.journal import Journal
from cliq_async.bulk.journal_reader import read_outcomes
from cliq_async.bulk.journal_store import RedisPlace, parse_place
from cliq_async.errors import ValidationError


@pytest.mark.parametrize(
    ("url", "server", "name", "shown"),
    [
        ("redis://h/news", "redis://h", "news", "redis://h/news"),
        ("redis://h:1/2/news", "redis://h:1/2", "news", "redis://h:1/2/news"),
        ("rediss://u:p@h/news", "rediss://u:p@h", "news", "rediss://h/news"),
        (
            "rediss://h/0/news?ssl_ca_certs=%2Fa.pem",
            "rediss://h/0?ssl_ca_certs=%2Fa.pem",
            "news",
            "rediss://h/0/news",
        ),
        (
            "unix:///run/r.sock/news?db=1",
            "unix:///run/r.sock?db=1",
            "news",
            "unix:///run/r.sock/news",
        ),
        (
            "redis+sentinel://a:p@h,i:2/main/0/n%C3%BCws",
            "redis+sentinel://a:p@h,i:2/main/0",
            "nüws",
            "redis+sentinel://h,i:2/main/0/nüws",
        ),
    ],
)
def test_last_part_of_a_url_is_the_name(url, server, name, shown):
    place = parse_place(url)
    assert place == RedisPlace(server, name)
    assert str(place) == shown
    assert "p@" not in repr(place)
    assert "p@" not in repr(read_outcomes(url))


def test_options_are_not_the_servers():
    assert parse_place("redis://h/news?accept_loss=yes&must_exist=yes") == RedisPlace(
        "redis://h", "news", accept_loss=True, must_exist=True
    )
    assert parse_place("redis://h/news?must_exist=no&db=3") == RedisPlace("redis://h?db=3", "news")


@pytest.mark.parametrize("file", ["news.journal", "redis:/h/news", "/a/b", Path("redis://h/news")])
def test_all_else_is_a_file(file):
    assert parse_place(file) == Path(file)


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:secret@h",
        "redis://u:secret@h/",
        "redis://u:secret@h/0",
        "redis://u:secret@h/a b",
        "redis://u:secret@h/{a}",
        "redis://u:secret@h/0/news/",
        "redis://u:secret@h/news?accept_loss=perhaps",
        "sqlite:///secret/news",
        "http://u:secret@h/news",
    ],
)
def test_url_without_a_server_or_a_name_is_refused_and_not_shown(url):
    with pytest.raises(ValidationError, match="the name is not a number") as raised:
        parse_place(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["redis://u:se/cret@h/news", "redis://u:secret@h/x/news"])
def test_url_of_no_server_is_refused_and_not_shown(url):
    with pytest.raises(ValidationError, match="the URL of a server and a name behind it") as raised:
        Journal(url, IDENTITY)
    assert "cret" not in str(raised.value)
