"""The JSON schemas of requests, and the bodies that the documents print."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import fastjsonschema

SCHEMAS = Path(__file__).parents[1] / "schemas"


def _read(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def _compile() -> dict[str, Callable[[Any], Any]]:
    requests = _read("requests.json")
    roots = {name: {"$ref": f"#/definitions/{name}"} | requests for name in requests["definitions"]}
    roots = {name: root for name, root in roots.items() if name not in {"bot", "handler"}}
    roots["send_message"] = _read("messages.json")
    return {name: fastjsonschema.compile(root) for name, root in roots.items()}


VALIDATORS = _compile()
"""By endpoint: a function that raises unless a body is as the documents describe it."""


def violation(endpoint: str, body: Any) -> str | None:
    """Return the first difference of a body from the schema of its endpoint, or None."""
    try:
        VALIDATORS[endpoint](json.loads(json.dumps(body)))
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error)
    return None


@attrs.frozen
class Documented:
    """A body that a document prints.

    Attributes:
        endpoint: The name of the endpoint that takes it.
        source: The document.
        body: The body.
    """

    endpoint: str
    source: str
    body: dict[str, Any]


DOCUMENTED = [Documented(**each) for each in _read("documented.json")]
