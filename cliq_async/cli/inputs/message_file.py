"""Message files: a message as JSON in the form of the API."""

import textwrap
from pathlib import Path
from typing import Final

from cliq_async.cli.inputs.json_file import json_file
from cliq_async.models.message import Message
from cliq_async.models.parsing.message import FIELDS, message_from

__all__ = ["FIELDS_HELP", "read_message"]

FIELDS_HELP: Final = "\n".join(
    (
        "A message file is a JSON object in the form of the API, with these fields:",
        *textwrap.wrap(", ".join(FIELDS), 74, initial_indent="  ", subsequent_indent="  "),
    )
)


def read_message(path: Path, *, allow_unknown: bool = False) -> Message:
    """Read the message in a JSON file.

    Args:
        path: The file.
        allow_unknown: Send fields that a message does not have as they are.

    Raises:
        CliError: The file cannot be read, or it is not a message in the form of the API.
    """
    with json_file(path) as data:
        return message_from(data, allow_unknown=allow_unknown)
