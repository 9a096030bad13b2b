"""Redis and Valkey servers by their URLs: one server, a socket file, Sentinel, or a cluster.

The forms, all with a percent-encoded user and password and with options behind a `?`:

    redis://user:password@host:6379/0
    rediss://host:6379/0?ssl_ca_certs=/path/ca.pem          over TLS
    unix:///run/redis.sock?db=0                             a socket file
    redis+sentinel://host:26379,host2:26379/service/0       the primary that Sentinel names

`valkey`, `valkeys`, `rediss+sentinel` and so on are the same. A cluster is recognized by its
answer, whatever the URL says. Messages and the text of an address never hold a password.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

__all__ = ["REDIS_SCHEMES", "RedisAddress"]

_TLS: Final = {
    "redis": False,
    "rediss": True,
    "valkey": False,
    "valkeys": True,
}
REDIS_SCHEMES: Final = frozenset({*_TLS, *(f"{name}+sentinel" for name in _TLS), "unix"})
"""The schemes of URLs that name a server."""

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_TIMEOUT_S: Final = 2.0

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS_OPTIONS: Final = (*_FILES, "ssl_cert_reqs", "ssl_check_hostname")
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_OPTIONS: Final = ("db", "username", "password")
_CERT_REQS: Final = ("none", "optional", "required")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@attrs.frozen
class RedisAddress:
    """The address of a server, and how to log in to it.

    Attributes:
        hosts: The server, or the Sentinels, as hosts and ports; empty for a socket file.
        path: The socket file, or None.
        service: The name that the Sentinels know the primary by, or None.
        db: The number of the database.
        username: The user, or None.
        password: The password, or None.
        sentinel_username: The user for the Sentinels themselves, or None.
        sentinel_password: The password for the Sentinels themselves, or None.
        tls: True to connect over TLS.
        tls_options: Options of redis-py for TLS, by their names.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    service: str | None = None
    db: int = 0
    username: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    sentinel_username: str | None = attrs.field(default=None, repr=False)
    sentinel_password: str | None = attrs.field(default=None, repr=False)
    tls: bool = False
    tls_options: tuple[tuple[str, str | bool], ...] = ()

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Parse a URL.

        Raises:
            ValueError: It names no server, or has an option that is not known. The message says
                so in words, and holds no part of the URL that may be a password.
        """
        # A message of the parser may quote a part of the password.
        try:
            parts = urlsplit(url)
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise ValueError("it is not a URL") from None
        scheme = parts.scheme
        if scheme not in REDIS_SCHEMES:
            raise ValueError(f"it does not begin with one of {', '.join(sorted(REDIS_SCHEMES))}")
        if parts.fragment or "#" in url:
            raise ValueError("a # in it is written %23")
        name, plus, _sentinel = scheme.partition("+")
        tls = _TLS.get(name, False)
        options = _only_known(
            query,
            _OPTIONS + (_TLS_OPTIONS if tls else ()) + (_SENTINEL_OPTIONS if plus else ()),
            scheme,
        )
        user, _, place = parts.netloc.rpartition("@")
        username, _, password = user.partition(":")
        fields: dict[str, Any] = {
            "username": unquote(username) or options.get("username"),
            "password": unquote(password) or options.get("password"),
            "tls": tls,
            "tls_options": tuple(
                (key, _tls_option(key, options)) for key in _TLS_OPTIONS if key in options
            ),
        }
        path = unquote(parts.path)
        if scheme == "unix":
            if place or not path.strip("/"):
                raise ValueError("a socket file has three slashes before its path: unix:///path")
            return cls(path=path, db=_db(options.get("db", "0")), **fields)
        if not plus:
            hosts = _hosts(place, _PORT)
            if len(hosts) > 1:
                raise ValueError("several hosts need Sentinel: redis+sentinel://h1,h2/service")
            return cls(hosts, db=_db(options.get("db") or path.strip("/") or "0"), **fields)
        service, _, db = path.strip("/").partition("/")
        if not service:
            raise ValueError("Sentinel needs the name of the service: redis+sentinel://h1,h2/name")
        return cls(
            _hosts(place, _SENTINEL_PORT),
            service=service,
            db=_db(options.get("db") or db or "0"),
            sentinel_username=options.get("sentinel_username"),
            sentinel_password=options.get("sentinel_password"),
            **fields,
        )

    def __str__(self) -> str:
        """Return the URL without its secrets and options."""
        if self.path is not None:
            return f"unix://{self.path}"
        scheme = ("rediss" if self.tls else "redis") + ("+sentinel" if self.service else "")
        hosts = ",".join(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in self.hosts)
        return f"{scheme}://{hosts}/{f'{self.service}/' if self.service else ''}{self.db}"

    def connect(self, *, timeout_s: float = _TIMEOUT_S) -> Any:
        """Return a client of redis-py that has reached its server: `Redis` or `RedisCluster`.

        Behind Sentinel, each new connection of the client asks for the primary of that moment.
        Nothing is tried twice: what may be repeated, only the caller knows.

        Args:
            timeout_s: The longest that a connection or an answer may take, in real seconds.

        Raises:
            ModuleNotFoundError: redis-py is not installed.
            Exception: Anything that redis-py raises.
        """
        import redis.exceptions  # noqa: PLC0415 - it comes with an extra

        client = self._client(timeout_s)
        try:
            if not client.info("cluster").get("cluster_enabled"):
                return client
        except BaseException:
            client.close()
            raise
        client.close()
        if len(self.hosts) != 1 or self.service is not None:
            raise redis.exceptions.RedisClusterException(
                "the server is one of a cluster, which is found by the host and port of one of its "
                "nodes: redis://host:port"
            )
        ((host, port),) = self.hosts
        return redis.RedisCluster(host=host, port=port, **self._options(timeout_s))

    def _client(self, timeout_s: float) -> Any:
        import redis.sentinel  # noqa: PLC0415 - it comes with an extra

        options = self._options(timeout_s)
        if self.path is not None:
            return redis.Redis(unix_socket_path=self.path, db=self.db, **options)
        if self.service is None:
            ((host, port),) = self.hosts
            return redis.Redis(host=host, port=port, db=self.db, **options)
        login = {"username": self.sentinel_username, "password": self.sentinel_password}
        make: Any = redis.sentinel.Sentinel  # it has no types
        sentinel = make(self.hosts, sentinel_kwargs=options | login)
        return sentinel.master_for(self.service, db=self.db, **options)

    def _options(self, timeout_s: float) -> dict[str, Any]:
        from redis.backoff import NoBackoff  # noqa: PLC0415 - it comes with an extra
        from redis.retry import Retry  # noqa: PLC0415

        options: dict[str, Any] = {
            "username": self.username,
            "password": self.password,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
        }
        if self.tls:
            # Old versions of redis-py do not compare the name by themselves.
            options |= {"ssl": True, "ssl_check_hostname": True, **dict(self.tls_options)}
            if options.get("ssl_cert_reqs") == "none":
                options["ssl_check_hostname"] = False
        return options


def _only_known(
    query: Mapping[str, list[str]], known: tuple[str, ...], scheme: str
) -> dict[str, str]:
    """Return the options of a URL, each of which is known and there once."""
    for name, values in query.items():
        if name not in known:
            # Behind a ? may be the rest of a password.
            shown = f"option {name}" if name.isidentifier() else "such option"
            raise ValueError(
                f"there is no {shown}; {scheme}:// takes {', '.join(known)} (a ? in a password is "
                "written %3F)"
            )
        if len(values) > 1 or not values[0]:
            raise ValueError(f"the option {name} needs one value")
    return {name: values[0] for name, values in query.items()}


def _tls_option(name: str, options: Mapping[str, str]) -> str | bool:
    value = options[name]
    if name in _FILES and not Path(value).is_file():
        raise ValueError(f"{name}: there is no file {value}")
    if name == "ssl_cert_reqs" and value not in _CERT_REQS:
        raise ValueError(f"{name} is one of {', '.join(_CERT_REQS)}")
    if name == "ssl_check_hostname":
        if value.lower() not in _BOOLEANS:
            raise ValueError(f"{name} is true or false")
        return _BOOLEANS[value.lower()]
    return value


def _hosts(place: str, default_port: int) -> tuple[tuple[str, int], ...]:
    hosts: list[tuple[str, int]] = []
    for each in place.split(","):
        try:
            parts = urlsplit(f"//{each}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(
                "its port is not a number (a / : ? # @ or % in a password is percent-encoded)"
            ) from None
        if host is None:
            raise ValueError("it has no host")
        hosts.append((unquote(host), default_port if port is None else port))
    return tuple(hosts)


def _db(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("its database is not a number, such as the 0 of redis://host:port/0")
    return int(text)
