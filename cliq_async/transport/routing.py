"""Calls by name, or by method and path: every request finds the quota that it counts under.

Pure. A path that belongs to a row of the endpoint table goes under that row's quota, however it was
named. Any other request needs a limit of its own.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args
from urllib.parse import unquote

from cliq_async.endpoints import BASE_PATH, ENDPOINTS, Endpoint, Limit, Method
from cliq_async.errors import ValidationError
from cliq_async.models.identifiers import path_segment
from cliq_async.models.serialization import to_json
from cliq_async.transport.dialect import SEND_LIVE
from cliq_async.transport.protocol import ApiCall

__all__ = ["Query", "route_call"]

Query = Mapping[str, str | int | bool | None]

_METHODS: Final[tuple[Method, ...]] = get_args(Method)
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_NAME: Final = re.compile(r"[\w./ -]{1,100}")
_ENDPOINT: Final = "the name of an endpoint, a method with a path, or an Endpoint"
_PATH: Final = "a path after /api/v3, such as /bots, without a query"


def route_call(
    endpoint: str | Endpoint,
    path: str | None,
    *,
    params: Mapping[str, str] | None,
    query: Query | None,
    json: Mapping[str, Any] | None,
    limit: Limit | None,
) -> ApiCall:
    """Return a call of the endpoint that a request belongs to.

    Args:
        endpoint: A row's name, a method, or an endpoint that the table does not have.
        path: The path, if `endpoint` is a method.
        params: The values of the parameters in the endpoint's path.
        query: The query.
        json: The body.
        limit: The limit, if `endpoint` is a method and no row has the path.

    Raises:
        ValidationError: They do not name one request, or there is no limit for it.
    """
    target = endpoint
    if isinstance(target, str) and target in ENDPOINTS:
        target = ENDPOINTS[target]
    if isinstance(target, Endpoint):
        if path is not None or limit is not None:
            field = "limit" if path is None else "path"
            raise ValidationError(field, f"None, since {target.name} defines it", path or limit)
        found, values = _of_endpoint(target, params or {})
    else:
        if params is not None:
            raise ValidationError("params", "None, since the path has them", params)
        found, values = _of_path(_method(target), path, limit)
    return ApiCall(found, values, _checked_query(query or {}), _checked_json(json))


def _method(given: object) -> Method:
    for method in _METHODS:
        if isinstance(given, str) and given.upper() == method:
            return method
    raise ValidationError("endpoint", _ENDPOINT, given)


def _of_endpoint(
    endpoint: Endpoint, params: Mapping[str, str]
) -> tuple[Endpoint, Mapping[str, str]]:
    names = _PARAMETER.findall(endpoint.path)
    if set(params) != set(names):
        wanted = ", ".join(names) or "None: the path has no parameters"
        raise ValidationError("params", wanted, ", ".join(map(str, params)) or None)
    values = {name: path_segment(name, params[name]) for name in names}
    if ENDPOINTS.get(endpoint.name) == endpoint:
        return endpoint, values
    if _method(endpoint.method) != endpoint.method:
        raise ValidationError("Endpoint.method", ", ".join(_METHODS), endpoint.method)
    if endpoint.name in ENDPOINTS or not _NAME.fullmatch(endpoint.name):
        raise ValidationError("Endpoint.name", "a name that no other endpoint has", endpoint.name)
    segments = _segments("Endpoint.path", _PARAMETER.sub("0", endpoint.path))
    if "/" + "/".join(segments) != _PARAMETER.sub("0", endpoint.path):
        raise ValidationError("Endpoint.path", _PATH, endpoint.path)
    filled = _PARAMETER.sub(lambda match: values[match[1]], endpoint.path)
    return _row(endpoint.method, _segments("Endpoint.path", filled)) or (endpoint, values)


def _of_path(
    method: Method, path: str | None, limit: Limit | None
) -> tuple[Endpoint, Mapping[str, str]]:
    if path is None:
        raise ValidationError("path", _PATH, path)
    segments = _segments("path", path)
    shown = "/" + "/".join(segments)
    row = _row(method, segments)
    if row is not None:
        if limit is not None:
            wanted = f"None: {row[0].name} has one, which CliqClient(limits=) replaces"
            raise ValidationError("limit", wanted, limit)
        return row
    if not isinstance(limit, Limit):
        wanted = f"a Limit for {method} {shown}, which is not in ENDPOINTS"
        raise ValidationError("limit", wanted, limit)
    # One quota for all paths that begin alike: it is not known which parts are parameters, and
    # sharing too much is slow, where sharing too little brings a lock.
    return Endpoint(f"{method} /{segments[0].casefold()}", method, shown, limit, ()), {}


def _segments(field: str, path: object) -> list[str]:
    """Return the parts of a path, each quoted in the one way in which it is sent."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValidationError(field, _PATH, path)
    if path.startswith(f"{BASE_PATH}/"):
        path = path.removeprefix(BASE_PATH)
    try:
        return [path_segment(field, unquote(each)) for each in path[1:].split("/")]
    except ValidationError:
        raise ValidationError(field, _PATH, path) from None


def _row(method: Method, segments: list[str]) -> tuple[Endpoint, Mapping[str, str]] | None:
    for row in (*ENDPOINTS.values(), SEND_LIVE):
        if row.method == method:
            values = _match(row.path[1:].split("/"), segments)
            if values is not None:
                return ENDPOINTS[row.name], values
    return None


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    values: dict[str, str] = {}
    for part, given in zip(template, segments, strict=True):
        if parameter := _PARAMETER.fullmatch(part):
            values[parameter[1]] = given
        elif part != given.casefold():  # a server may not mind the case
            return None
    return values


def _checked_query(query: Query) -> dict[str, str | int | None]:
    found: dict[str, str | int | None] = {}
    for name, value in query.items():
        allowed: Any = (str, int, type(None))
        if not isinstance(value, allowed):
            raise ValidationError("query", "str, int, bool or None, by name", {name: value})
        found[name] = str(value).lower() if isinstance(value, bool) else value
    return found


def _checked_json(json: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if json is None:
        return None
    wanted = "a dict that can be written as JSON"
    if not isinstance(json, Mapping):
        raise ValidationError("json", wanted, json)
    try:
        to_json(dict(json))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError("json", f"{wanted} ({error})", json) from None
    return dict(json)
