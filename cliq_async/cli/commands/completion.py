"""`cliq completion`: the script that has a shell complete the command."""

import click

from cliq_async.cli.outputs.console import echo
from cliq_async.cli.text import verbatim

__all__ = ["completion"]


@click.command(
    short_help="Print the script that completes commands in a shell.",
    epilog=verbatim(
        """
Examples, each for the file that the shell reads when it starts:
  eval "$(cliq completion bash)"
  eval "$(cliq completion zsh)"
  cliq completion fish | source
"""
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that has SHELL complete commands, options and what they take."""
    # Late: no other command needs it.
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"click does not know {shell}")
    echo(made(ctx.find_root().command, {}, "cliq", "_CLIQ_COMPLETE").source())
