"""The page at a sandbox's address: static files, with headers that keep other sites out."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from aiohttp import web

from cliq_async.sandbox.errors import wrong_method

__all__ = ["is_page", "page_response"]

_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/items.js": ("items.js", "text/javascript"),
}
"""The file and its type by the path of its URL."""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_ICON: Final = "/favicon.ico"
"""What browsers ask for by themselves; the page has none."""


def is_page(path: str) -> bool:
    """Return whether a path belongs to the page."""
    return path in _FILES or path == _ICON


def page_response(method: str, path: str) -> web.Response:
    """Return the response to a request for a path of the page.

    Raises:
        ApiFault: The method is neither GET nor HEAD.
    """
    if method not in {"GET", "HEAD"}:
        raise wrong_method()
    if path == _ICON:
        return web.Response(status=204, headers=_HEADERS)
    name, content_type = _FILES[path]
    return web.Response(text=_read(name), content_type=content_type, headers=_HEADERS)


@cache
def _read(name: str) -> str:
    return files("cliq_async.sandbox").joinpath("static", name).read_text(encoding="utf-8")
