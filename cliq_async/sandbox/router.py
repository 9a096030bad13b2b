"""The router: from method and path to an endpoint of the table."""

from collections.abc import Mapping
from urllib.parse import unquote

import attrs

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Endpoint
from cliq_async.sandbox.errors import wrong_method, wrong_url

__all__ = ["Router"]


@attrs.define
class _Node:
    """A node of the path tree; the child for a parameter has the key None."""

    children: dict[str | None, "_Node"] = attrs.field(factory=dict)
    methods: dict[str, Endpoint] = attrs.field(factory=dict)


class Router:
    """A path tree of the endpoint table's templates.

    Args:
        paths: Templates that replace the table's, by endpoint name.
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
        """Return the endpoint's name and the values of its path parameters.

        Raises:
            ApiFault: The URL does not exist or does not support the method.
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
