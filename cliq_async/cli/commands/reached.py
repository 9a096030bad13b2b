"""Who was reached of those who were meant."""

from collections.abc import Sequence

from cliq_async.cli.outputs.console import note, plural

__all__ = ["note_missing"]


def note_missing(reached: Sequence[str], meant: Sequence[str]) -> None:
    """A warning on stderr if Cliq names fewer people than it was given."""
    if len(reached) < (count := len(set(meant))):
        note(f"warning: Cliq names only {len(reached):,} of {plural(count, 'recipient')}")
