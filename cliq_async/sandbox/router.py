"""Finds the endpoint of a request, by the endpoint table."""

from collections.abc import Mapping
from urllib.parse import unquote

import attrs

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Endpoint
from cliq_async.sandbox.errors import wrong_method, wrong_url

__all__ = ["Router"]


@attrs.define
class _Node:
    """What may follow a part of a path; a parameter's child is under None."""

    children: dict[str | None, "_Node"] = attrs.field(factory=dict)
    methods: dict[str, Endpoint] = attrs.field(factory=dict)


class Router:
    """Finds the endpoint of a path, by the templates of the endpoint table.

    Args:
        paths: Other templates than the table's, by the endpoint's name.
    """

    def __init__(self, paths: Mapping[str, str] | None = None) -> None:
        self._root = _Node()
        for endpoint in ENDPOINTS.values():
            node = self._root
            path = (paths or {}).get(endpoint.name, endpoint.path)
            for part in (BASE_PATH + path).split("/"):
                key = None if part.startswith("{") else part
                node = node.children.setdefault(key, _Node())
            node.methods[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[str, tuple[str, ...]]:
        """The endpoint's name and the values of its path's parameters.

        Raises:
            ApiFault: There is no such URL, or it has no such method.
        """
        node, values = self._root, []
        for part in path.split("/"):
            child = node.children.get(part)
            if child is None:
                child = node.children.get(None)
                if child is None:
                    raise wrong_url()
                values.append(unquote(part))
            node = child
        endpoint = node.methods.get(method)
        if endpoint is None:
            raise wrong_method() if node.methods else wrong_url()
        return endpoint.name, tuple(values)
