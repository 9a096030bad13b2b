"""The environment variables of the command line, and warnings of misspelled ones."""

from collections.abc import Mapping
from typing import Final

import click

from cliq_async.cli.outputs.console import echo_err
from cliq_async.cli.text import clean
from cliq_async.config import (
    ACCESS_TOKEN,
    ACCOUNTS_URL,
    API_KEY,
    OPTION_VARIABLES,
    REFRESH_TOKEN,
)
from cliq_async.errors import suggest

__all__ = ["PROFILE", "VARIABLES", "warn_of_misspelled"]

VARIABLES: Final = {**OPTION_VARIABLES, "accounts_url": ACCOUNTS_URL}
"""The environment variable of each setting that can be set by one."""

PROFILE: Final = "CLIQ_PROFILE"
_KNOWN: Final = (*VARIABLES.values(), PROFILE, ACCESS_TOKEN, API_KEY, *REFRESH_TOKEN)
_ELSEWHERE: Final = ("CLIQ_PUBLIC_KEY",)
"""Variables that other programs of the package read."""


def warn_of_misspelled(env: Mapping[str, str]) -> None:
    """Warn once of variables that resemble those of a setting; others may be another program's."""
    ctx = click.get_current_context(silent=True)
    if ctx is None or ctx.find_root().meta.setdefault(__name__, False):
        return
    ctx.find_root().meta[__name__] = True
    for name in env:
        if name.startswith("CLIQ_") and name not in _KNOWN and name not in _ELSEWHERE:
            hint = suggest(name, _KNOWN)
            if hint.startswith("did"):
                echo_err(f"warning: {clean(name)} is not a variable of cliq; {hint}")
