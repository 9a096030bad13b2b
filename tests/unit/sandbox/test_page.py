"""The page's files: what is served, and what keeps texts from becoming code."""

import re
from importlib.resources import files

import pytest
from support.sandboxes import running

STATIC = files("cliq_async.sandbox").joinpath("static")
SOURCES = {each.name: each.read_text(encoding="utf-8") for each in STATIC.iterdir()}
SCRIPTS = "".join(text for name, text in SOURCES.items() if name.endswith(".js"))


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/items.js", "text/javascript"),
    ],
)
async def test_each_file_comes_with_its_type_and_a_policy(path, content_type):
    async with running() as caller:
        for method in ("GET", "HEAD"):
            url = caller.sandbox.url + path
            async with caller.session.request(method, url) as answer:
                text = await answer.text()
                headers = answer.headers
            assert (answer.status, answer.content_type) == (200, content_type)
            assert headers["Content-Security-Policy"] == (
                "default-src 'self'; frame-ancestors 'none'"
            )
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            name = path[1:] or "index.html"
            assert text == ("" if method == "HEAD" else SOURCES[name])


async def test_a_browser_that_asks_for_an_icon_gets_none():
    async with running() as caller:
        assert await caller.get("/favicon.ico") == (204, "")


async def test_other_methods_and_files_are_refused_and_nothing_is_counted():
    async with running() as caller:
        for path in ("/", "/page.js", "/favicon.ico"):
            status, answer = await caller.request("POST", path, json={})
            assert (status, set(answer)) == (405, {"message"})
        for path in ("/index.html", "/static/page.js", "/page.js/", "//", "/../app.py", "/page.py"):
            assert (await caller.get(path))[0] == 404
        assert (await caller.report())["requests"] == {}


def test_every_file_that_is_shipped_is_served():
    assert set(SOURCES) == {"index.html", "page.css", "page.js", "items.js"}


def test_the_scripts_make_text_nodes_and_load_nothing():
    parsers = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|DOMParser|srcdoc|eval\(|Function\("
    )
    assert not re.search(parsers, SCRIPTS)
    loaders = r"\"(img|iframe|script|link|video|audio)\"|\burl\(|@import"
    assert not re.search(loaders, SCRIPTS + SOURCES["page.css"])


def test_the_page_needs_nothing_from_elsewhere():
    for name, text in SOURCES.items():
        assert not re.search(r"(src|href)=\"(?!/page\.(css|js)\")", text), name
        assert not re.search(r" style=| on\w+=\"|<style|javascript:", text), name


def test_the_page_stays_small():
    assert len(SCRIPTS.splitlines()) <= 400
    assert len(SOURCES["page.css"].splitlines()) <= 150
