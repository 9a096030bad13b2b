"""Answers of one thing read, the same for every resource."""

from collections.abc import Mapping
from typing import Any, TypeVar

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.serialization import DecodeError, from_plain

__all__ = ["data_of", "read_one", "read_written"]

T = TypeVar("T")

_OK = 200


def data_of(answer: object) -> Any:
    """What an answer is about: the value of its `data`."""
    return answer.get("data") if isinstance(answer, Mapping) else None


def read_one(endpoint: Endpoint, data: object, cls: type[T]) -> T:
    """The model that was asked for.

    Raises:
        ApiError: It does not have the documented form.
    """
    try:
        return from_plain(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"cannot be read: {error}", endpoint.name) from error


def read_written(data: object, cls: type[T], empty: T) -> T:
    """The model that a write was answered with, or `empty`: it has happened all the same."""
    try:
        return from_plain(data, cls) if isinstance(data, dict) else empty
    except DecodeError:
        return empty
