"""Settings: ranges, hosts, networks and the environment."""

import math
from typing import Any
from urllib.parse import quote

import pytest

from cliq_async.auth.provider import ApiKey, RefreshToken
from cliq_async.client import CliqClient
from cliq_async.config import DATA_CENTERS, Settings, from_env
from cliq_async.endpoints import ENDPOINTS, Limit
from cliq_async.errors import ValidationError

HTTP = ("h", "h:443", "under_score.test")
CENTERS = {
    "us": "zoho.com",
    "eu": "zoho.eu",
    "in": "zoho.in",
    "au": "zoho.com.au",
    "cn": "zoho.com.cn",
    "jp": "zoho.jp",
    "sa": "zoho.sa",
    "uk": "zoho.uk",
    "ca": "zohocloud.ca",
}
INVALID_NUMBERS = [math.nan, math.inf, -math.inf, "1", True, [], 1e300]


@pytest.mark.parametrize(("name", "domain"), CENTERS.items())
def test_data_center_names_its_servers(name, domain):
    settings = Settings(data_center=name)
    assert settings.root_url == f"https://cliq.{domain}"
    assert settings.accounts_url == f"https://accounts.{domain}"
    assert set(DATA_CENTERS) == set(CENTERS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"data_center": "US"},
        {"data_center": "zoho.com"},
        {"pace": "odd"},
        {"account": ""},
        {"account": 7},
        {"network": ""},
        {"network": "a/b"},
        {"network": ".."},
        {"limits": {"send": Limit(1)}},
        {"limits": {"send_message": 40}},
        {"limits": [1]},
        *({"margin_s": value} for value in [-1, None, *INVALID_NUMBERS]),
        *({"straggler_s": value} for value in [-1, None, *INVALID_NUMBERS]),
        *({"max_wait_s": value} for value in [-0.1, *INVALID_NUMBERS]),
        *({"timeout_s": value} for value in [0, -1, *INVALID_NUMBERS]),
        *({"max_response_bytes": value} for value in [0, -1, None, 1.5, True, *INVALID_NUMBERS]),
        *({"max_rate": value} for value in [0, -1, *INVALID_NUMBERS]),
        *({"time_scale": value} for value in [0, -1, None, *INVALID_NUMBERS]),
    ],
    ids=repr,
)
def test_setting_out_of_range_is_refused_by_name(wrong):
    options = {"base_url": "https://sandbox"} | wrong
    with pytest.raises(ValidationError) as caught:
        Settings(**options)
    assert caught.value.field == next(iter(wrong))


@pytest.mark.parametrize(
    "right",
    [
        {"margin_s": 0},
        {"straggler_s": 0},
        {"max_wait_s": 0},
        {"max_wait_s": None},
        {"timeout_s": None},
        {"max_response_bytes": 1},
        {"timeout_s": 0.001},
        {"max_rate": 1000},
        {"max_rate": None},
        {"pace": "even"},
        {"account": "ann & bob"},
        {"time_scale": 0.5},
    ],
    ids=repr,
)
def test_setting_in_range_is_accepted(right):
    settings = Settings(base_url="https://sandbox", **right)
    assert len(settings.quotas()) == len(ENDPOINTS)


# Hosts.


def key_of(url):
    return Settings(base_url=url, allow_http=HTTP).quotas()["send_message"].key


@pytest.mark.parametrize(
    ("url", "root", "host"),
    [
        ("http://localhost:8080", "http://localhost:8080", "localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080", "localhost:8080"),
        ("https://cliq.zoho.com", "https://cliq.zoho.com", "cliq.zoho.com"),
        ("HTTPS://Cliq.Zoho.com", "HTTPS://Cliq.Zoho.com", "cliq.zoho.com"),
        ("https://cliq.zoho.com:443", "https://cliq.zoho.com:443", "cliq.zoho.com"),
        ("https://cliq.zoho.com.", "https://cliq.zoho.com.", "cliq.zoho.com"),
        ("http://h:80", "http://h:80", "h"),
        ("http://h:", "http://h:", "h"),
        ("http://h:0443", "http://h:0443", "h:443"),
        ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1"),
        ("http://under_score.test", "http://under_score.test", "under_score.test"),
    ],
)
def test_host_has_one_quota_however_it_is_written(url, root, host):
    assert Settings(base_url=url, allow_http=HTTP).root_url == root
    assert key_of(url).split(" ")[0] == quote(host)


def test_default_host_and_the_same_one_as_base_url_share_their_quota():
    assert key_of("https://CLIQ.zoho.com:443/") == Settings().quotas()["send_message"].key


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cliq.zoho.com",
        "ftp://host",
        "https://",
        "https:///x",
        "https://host/api/v3",
        "https://host?x=1",
        "https://host#x",
        "https://host:99999",
        "https://host:port",
        "https://ho st",
        "https://host\n",
        "https://[::1",
        "https://ann:hidden@host",
        "https://host/api?zapikey=hidden",
        "https://a..b",
        "https://cliq。zoho。com",
    ],
)
def test_base_url_is_a_scheme_and_a_host_only(url):
    with pytest.raises(ValidationError, match="base_url") as caught:
        Settings(base_url=url)
    assert "hidden" not in str(caught.value)


def test_base_url_ending_in_several_slashes_is_one_host():
    assert Settings(base_url="https://h//").root_url == "https://h"


@pytest.mark.parametrize(
    "host",
    [
        *(f"https://cliq.{domain}" for domain in CENTERS.values()),
        "https://cliq.zoho.com:8443",
        "https://cliq.zoho.com.",
        "https://cliq.zoho.com.:8443",
        "https://CLIQ.ZOHO.EU",
        "https://zoho.com",
        "https://anything.at.zoho.in",
        "https://www.zohoapis.com.au",
    ],
)
def test_no_time_scale_on_zohos_own_servers(host):
    with pytest.raises(ValidationError, match="set base_url= or CLIQ_BASE_URL, else leave out"):
        Settings(base_url=host, time_scale=60)
    assert Settings(base_url=host, time_scale=1).time_scale == 1


def test_no_time_scale_without_a_base_url_in_any_data_center():
    for name in CENTERS:
        with pytest.raises(ValidationError, match="time_scale"):
            Settings(data_center=name, time_scale=2.0)


@pytest.mark.parametrize(
    "host", ["https://notzoho.com", "https://zoho.com.test", "http://localhost"]
)
def test_time_scale_on_other_servers(host):
    quota = Settings(base_url=host, time_scale=60).quotas()["send_message"]
    assert (quota.window_s, quota.lock_s, quota.second_s) == pytest.approx((1.0, 10.0, 1 / 60))
    assert quota.period_s == pytest.approx(61 / 60)
    assert quota.straggler_s == pytest.approx(0.5)


@pytest.mark.parametrize("url", ["http://sandbox", "HTTP://sandbox:8080", "http://10.0.0.1"])
def test_plain_http_is_for_this_machine_and_for_allowed_hosts(url):
    with pytest.raises(ValidationError, match="base_url: https, or a host listed in allow_http"):
        Settings(base_url=url)
    for allowed in ("Sandbox", ["x", "sandbox:8080", "sandbox", "10.0.0.1"]):
        if "10." not in url or allowed != "Sandbox":
            assert Settings(base_url=url, allow_http=allowed).root_url == url
    with pytest.raises(ValidationError, match="listed in allow_http"):
        Settings(base_url=url, allow_http=["sandbox:1", "andbox", "0.0.0.1"])
    for here in ("http://localhost", "http://127.8.9.1:80", "http://[::1]:1", "https://sandbox"):
        assert Settings(base_url=here).root_url == here


def test_plain_http_to_zoho_is_refused():
    with pytest.raises(ValidationError, match="https"):
        Settings(base_url="http://cliq.zoho.com")


def test_plain_http_to_an_accounts_server_needs_allow_http():
    credentials = RefreshToken("id", "secret", "token", accounts_url="http://sandbox")
    with pytest.raises(ValidationError, match="accounts_url: https"):
        CliqClient(credentials, quota="memory://")
    CliqClient(credentials, quota="memory://", allow_http="sandbox")


def test_network_goes_before_the_base_path():
    settings = Settings(network="zylker-partners")
    assert settings.root_url == "https://cliq.zoho.com/network/zylker-partners"
    assert Settings(network="été").root_url.endswith("/network/%C3%A9t%C3%A9")


def test_accounts_hosts_endpoints_and_time_scales_have_separate_quotas():
    ways: list[dict[str, Any]] = [
        {},
        {"account": "ann"},
        {"account": "ann x"},
        {"data_center": "eu"},
        {"base_url": "https://h"},
        {"base_url": "https://h", "time_scale": 60},
        {"base_url": "https://h:81", "time_scale": 60},
    ]
    keys = {quota.key for way in ways for quota in Settings(**way).quotas().values()}
    assert len(keys) == 7 * len(ENDPOINTS)


def test_limits_override_the_documented_ones_by_name():
    quotas = Settings(limits={"send_message": Limit(40, 30.0, 20.0)}).quotas()
    sending = quotas["send_message"]
    assert (sending.threshold, sending.window_s, sending.lock_s) == (40, 30.0, 20.0)
    assert quotas["get_bot"].threshold == 30


# The environment.

REFRESH = {
    "CLIQ_CLIENT_ID": "id",
    "CLIQ_CLIENT_SECRET": "a-client-secret",
    "CLIQ_REFRESH_TOKEN": "a-refresh-token",
}


def test_access_token_of_the_environment_precedes_a_refresh_token():
    assert from_env({"CLIQ_ACCESS_TOKEN": "t"} | REFRESH) == ("t", {})
    assert from_env(REFRESH) == (RefreshToken("id", "a-client-secret", "a-refresh-token"), {})


def test_api_key_of_the_environment_is_the_last_resort():
    key = {"CLIQ_ZAPIKEY": "1001.key\n"}
    assert from_env(key) == (ApiKey("1001.key"), {})
    assert from_env(key | {"CLIQ_CLIENT_ID": "id"}) == (ApiKey("1001.key"), {})
    assert from_env(key | {"CLIQ_ACCESS_TOKEN": "t"}) == ("t", {})
    assert isinstance(from_env(key | REFRESH)[0], RefreshToken)
    with pytest.raises(ValidationError, match="CLIQ_ZAPIKEY: one or more visible") as caught:
        from_env({"CLIQ_ZAPIKEY": "1001.k\u00e9y"})
    assert "1001" not in str(caught.value)


def test_environment_sets_the_options_that_it_has():
    auth, options = from_env(
        REFRESH
        | {
            "CLIQ_ACCOUNTS_URL": "http://sandbox",
            "CLIQ_DATA_CENTER": "eu",
            "CLIQ_BASE_URL": "http://sandbox",
            "CLIQ_QUOTA": "memory://",
            "CLIQ_ACCOUNT": "ann",
            "CLIQ_TIME_SCALE": "60",
            "CLIQ_ALLOW_HTTP": "sandbox, other:8080",
            "CLIQ_UNKNOWN": "x",
            "PATH": "y",
        }
    )
    assert isinstance(auth, RefreshToken)
    assert auth.accounts_url == "http://sandbox"
    assert options == {
        "data_center": "eu",
        "base_url": "http://sandbox",
        "quota": "memory://",
        "account": "ann",
        "time_scale": 60.0,
        "allow_http": ["sandbox", "other:8080"],
    }


def test_empty_variables_count_as_unset_and_line_ends_are_stripped():
    environ = {"CLIQ_ACCESS_TOKEN": "t\n", "CLIQ_BASE_URL": "", "CLIQ_TIME_SCALE": " "}
    assert from_env(environ) == ("t", {})


@pytest.mark.parametrize("missing", REFRESH)
def test_environment_without_credentials_is_refused_with_their_names(missing):
    with pytest.raises(ValidationError, match="CLIQ_REFRESH_TOKEN") as caught:
        from_env({name: value for name, value in REFRESH.items() if name != missing})
    assert str(caught.value) == (
        "environment: no credentials: set CLIQ_ACCESS_TOKEN, or CLIQ_CLIENT_ID, CLIQ_CLIENT_SECRET "
        "and CLIQ_REFRESH_TOKEN, or CLIQ_ZAPIKEY; programs do not read the login of "
        "`cliq auth login`"
    )


def test_time_scale_of_the_environment_is_a_number():
    with pytest.raises(ValidationError, match="CLIQ_TIME_SCALE"):
        from_env({"CLIQ_ACCESS_TOKEN": "t", "CLIQ_TIME_SCALE": "fast"})
