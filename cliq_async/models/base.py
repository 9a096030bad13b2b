"""The base of all models."""

from typing import Any

__all__ = ["Model"]


class Model:
    """A model of the API, which can be turned back into the API's JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain data under the API's names, ready for `json.dumps`.

        None and empty fields are left out, and the fields of `extra` stand beside the others.
        """
        # Imported when needed: serialization knows the models.
        from cliq_async.models.serialization import unstructure  # noqa: PLC0415

        return unstructure(self)
