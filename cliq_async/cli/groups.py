"""Groups of commands, listed in the order in which they were added."""

import click

__all__ = ["Group"]


class Group(click.Group):
    """A group whose help lists the commands in their order, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's call
        """The commands' names."""
        return list(self.commands)
