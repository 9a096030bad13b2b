"""Data centers by name, and checks of server URLs. The expected table is written by hand."""

import pytest

from cliq_async.data_centers import (
    DATA_CENTERS,
    data_center_of,
    is_loopback,
    is_zoho,
    normalize_host,
)
from cliq_async.errors import ValidationError

CENTERS = {
    "us": ("cliq.zoho.com", "accounts.zoho.com", "www.zohoapis.com"),
    "eu": ("cliq.zoho.eu", "accounts.zoho.eu", "www.zohoapis.eu"),
    "in": ("cliq.zoho.in", "accounts.zoho.in", "www.zohoapis.in"),
    "au": ("cliq.zoho.com.au", "accounts.zoho.com.au", "www.zohoapis.com.au"),
    "cn": ("cliq.zoho.com.cn", "accounts.zoho.com.cn", "www.zohoapis.com.cn"),
    "jp": ("cliq.zoho.jp", "accounts.zoho.jp", "www.zohoapis.jp"),
    "sa": ("cliq.zoho.sa", "accounts.zoho.sa", "www.zohoapis.sa"),
    "uk": ("cliq.zoho.uk", "accounts.zoho.uk", "www.zohoapis.uk"),
    "ca": ("cliq.zohocloud.ca", "accounts.zohocloud.ca", "www.zohoapis.ca"),
}


def test_data_centers_are_these_nine():
    assert list(DATA_CENTERS) == list(CENTERS)


@pytest.mark.parametrize(("name", "hosts"), CENTERS.items())
def test_data_center_is_found_by_each_of_its_hosts(name, hosts):
    api, accounts, api_domain = hosts
    center = DATA_CENTERS[name]
    assert center.api_url == f"https://{api}"
    assert center.accounts_url == f"https://{accounts}"
    assert center.api_domain == api_domain
    for location in (api_domain, f"https://{api_domain}", f"https://{api_domain.upper()}/crm"):
        assert data_center_of(location) == name
    assert data_center_of(f"https://{accounts}/oauth/v2/token") == name
    assert all(map(is_zoho, hosts))


@pytest.mark.parametrize(
    "location", [None, 5, "", "https://www.zohoapis.mars", "zohoapis.com", "http://"]
)
def test_other_locations_have_no_data_center(location):
    assert data_center_of(location) is None


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:8080", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("localhost:1", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("[2001:db8::1]:80", False),
        ("10.0.0.1", False),
        ("accounts.zoho.eu", False),
        ("localhost.zoho.eu", False),
    ],
)
def test_loopback_is_this_machine(host, here):
    assert is_loopback(host) is here


@pytest.mark.parametrize("url", ["https://ann:hidden@host", "https://host/path", "host", ""])
def test_url_that_is_not_a_server_is_refused_by_field(url):
    with pytest.raises(ValidationError, match=r"^accounts_url: ") as caught:
        normalize_host("accounts_url", url)
    assert "hidden" not in str(caught.value)
