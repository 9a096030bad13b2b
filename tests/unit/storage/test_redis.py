"""URLs of Redis servers: what they mean, what is refused, and that real servers are reached."""

from contextlib import closing, suppress

import pytest
import redis
from redis.exceptions import RedisClusterException
from support.certificates import certificate
from support.polling import until
from support.redis_servers import RedisServer, SentinelServer, free_port

from cliq_async.storage.redis import RedisAddress

ONE = RedisAddress(hosts=(("h", 6379),))


@pytest.mark.parametrize(
    ("url", "address", "shown"),
    [
        ("redis://h", ONE, "redis://h:6379/0"),
        ("redis://h/", ONE, "redis://h:6379/0"),
        ("REDIS://h:6379/0", ONE, "redis://h:6379/0"),
        ("valkey://h", ONE, "redis://h:6379/0"),
        ("redis://h?db=3", RedisAddress((("h", 6379),), db=3), "redis://h:6379/3"),
        ("redis://[::1]:7/2", RedisAddress((("::1", 7),), db=2), "redis://[::1]:7/2"),
        ("rediss://h", RedisAddress((("h", 6379),), tls=True), "rediss://h:6379/0"),
        ("valkeys://h", RedisAddress((("h", 6379),), tls=True), "rediss://h:6379/0"),
        (
            "redis://a%40b:p%2F%3A%23%3F%25@h/1",
            RedisAddress((("h", 6379),), db=1, username="a@b", password="p/:#?%"),
            "redis://h:6379/1",
        ),
        (
            "redis://:pw@h",
            RedisAddress((("h", 6379),), password="pw"),
            "redis://h:6379/0",
        ),
        (
            "rediss://h?ssl_check_hostname=false&ssl_cert_reqs=none",
            RedisAddress(
                (("h", 6379),),
                tls=True,
                tls_options=(("ssl_cert_reqs", "none"), ("ssl_check_hostname", False)),
            ),
            "rediss://h:6379/0",
        ),
        ("unix:///run/a%20b.sock", RedisAddress(path="/run/a b.sock"), "unix:///run/a b.sock"),
        (
            "unix://u:pw@/run/r.sock?db=2",
            RedisAddress(path="/run/r.sock", db=2, username="u", password="pw"),
            "unix:///run/r.sock",
        ),
        (
            "unix:///run/r.sock?db=2&password=pw",
            RedisAddress(path="/run/r.sock", db=2, password="pw"),
            "unix:///run/r.sock",
        ),
        (
            "redis+sentinel://u:pw@h1:1,h2/main/2?sentinel_password=x",
            RedisAddress(
                (("h1", 1), ("h2", 26379)),
                service="main",
                db=2,
                username="u",
                password="pw",
                sentinel_password="x",
            ),
            "redis+sentinel://h1:1,h2:26379/main/2",
        ),
        (
            "valkeys+sentinel://h1/main",
            RedisAddress((("h1", 26379),), service="main", tls=True),
            "rediss+sentinel://h1:26379/main/0",
        ),
    ],
)
def test_urls_that_are_right(url, address, shown):
    parsed = RedisAddress.parse(url)
    assert parsed == address
    assert str(parsed) == shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://u:hidden@h", "does not begin with one of redis, "),
        ("redis:", "no host"),
        ("redis://u:hidden@", "no host"),
        ("redis://[::1", "not a URL"),
        ("redis://u:hid/den@h", "port is not a number.*percent-encoded"),
        ("redis://u:hid#den@h", "a # .*%23"),
        ("redis://u:hid?den@h", "there is no such option.*%3F"),
        ("redis://hidden:x@h/db", "database is not a number"),
        ("redis://h/-1", "database is not a number"),
        ("redis://h?db=x", "database is not a number"),
        ("redis://h?socket_timeout=5", "there is no option socket_timeout; redis:// takes db"),
        ("redis://h?x!hidden=5", "there is no such option"),
        ("redis://h?ssl_ca_certs=/x", "there is no option ssl_ca_certs"),
        ("rediss://h?ssl_ca_certs=/not/there", "ssl_ca_certs: there is no file /not/there"),
        ("rediss://h?ssl_cert_reqs=maybe", "one of none, optional, required"),
        ("rediss://h?ssl_check_hostname=maybe", "true or false"),
        ("redis://h?db=1&db=2", "option db needs one value"),
        ("redis://h?db=", "option db needs one value"),
        ("redis://h1,h2/0", r"several hosts need Sentinel: redis\+sentinel"),
        ("redis+sentinel://h1,h2", "name of the service"),
        ("redis+sentinel://h1,/main", "no host"),
        ("redis+sentinel://h1/main/x", "database is not a number"),
        ("unix://run/r.sock", "three slashes"),
        ("unix://", "three slashes"),
    ],
)
def test_urls_that_are_wrong_are_refused_in_words_without_their_password(url, message):
    with pytest.raises(ValueError, match=message) as caught:
        RedisAddress.parse(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hid" not in repr(error)
        assert "hid" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_address_shows_no_password():
    url = "redis+sentinel://ann:hidden@h/main?sentinel_password=hidden"
    assert "hidden" not in f"{RedisAddress.parse(url)!r} {RedisAddress.parse(url)}"


def reach(url):
    """The port of the server that a URL leads to, which must take a command."""
    with closing(RedisAddress.parse(url).connect()) as client:
        assert client.ping()
        return int(client.config_get("port")["port"])


def reached(url):
    """The same, or None while none is reached."""
    with suppress(redis.ConnectionError):
        return reach(url)


def test_server_with_user_and_password_over_tls_and_a_socket_file(tmp_path):
    key, cert = certificate(tmp_path, "IP:127.0.0.1")
    tls_port, path = free_port(), tmp_path / "redis.sock"
    options = ["--tls-port", str(tls_port), "--tls-cert-file", cert, "--tls-key-file", key]
    options += ["--tls-ca-cert-file", cert, "--tls-auth-clients", "optional"]
    options += ["--unixsocket", str(path)]
    with RedisServer(tuple(options)) as server:
        with closing(server.client()) as client:
            rules = ("on", ">p/:@#?%", "~*", "&*", "+@all")
            client.execute_command("ACL", "SETUSER", "ann", *rules)
        login = "ann:p%2F%3A%40%23%3F%25@"
        assert reach(f"redis://{login}127.0.0.1:{server.port}") == server.port
        assert reach(f"unix://{login}{path}?db=3") == server.port
        over_tls = f"rediss://{login}127.0.0.1:{tls_port}"
        assert reach(f"{over_tls}?ssl_ca_certs={cert}") == server.port
        assert reach(f"{over_tls}?ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}")
        assert reach(f"{over_tls}/1?ssl_cert_reqs=none") == server.port
        with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
            reach(over_tls)
        named = f"rediss://{login}localhost:{tls_port}?ssl_ca_certs={cert}"
        with pytest.raises(redis.ConnectionError, match=r"certificate|refused"):
            reach(named)
        assert reach(f"{named}&ssl_check_hostname=false") == server.port
        with pytest.raises(redis.AuthenticationError):
            reach(f"redis://ann:wrong@127.0.0.1:{server.port}")


def test_cluster_behind_a_socket_file_is_refused_in_words(tmp_path):
    path = str(tmp_path / "redis.sock")
    with (
        RedisServer(("--cluster-enabled", "yes", "--unixsocket", path)),
        pytest.raises(RedisClusterException, match="redis://host:port"),
    ):
        RedisAddress.parse(f"unix://{path}").connect()


async def test_sentinel_leads_to_the_primary_and_after_a_failover_to_the_next():
    with RedisServer(("--requirepass", "pw")) as first:
        replica = ("--replicaof", f"127.0.0.1 {first.port}", "--masterauth", "pw")
        with RedisServer(("--requirepass", "pw", *replica)) as second:
            commands = ("sentinel auth-pass main pw", "requirepass other")
            with SentinelServer(primary=first.port, commands=commands) as sentinel:
                gone = free_port()
                url = (
                    f"redis+sentinel://:pw@127.0.0.1:{gone},127.0.0.1:{sentinel.port}/main"
                    "?sentinel_password=other"
                )
                assert reach(url) == first.port
                with closing(redis.Redis(port=sentinel.port, password="other")) as client:
                    await until(lambda: client.sentinel_slaves("main"))
                first.stop()
                await until(lambda: reached(url) == second.port)
                unknown = url.replace("/main", "/other")
                with pytest.raises(redis.ConnectionError, match="other") as caught:
                    reach(unknown)
                assert "pw" not in str(caught.value)
