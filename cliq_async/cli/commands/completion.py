"""`cliq completion`: print the completion script for a shell."""

import click

from cliq_async.cli.outputs.console import echo
from cliq_async.cli.text import verbatim

__all__ = ["completion"]


@click.command(
    short_help="Print the completion script for a shell.",
    epilog=verbatim(
        """
Examples, to put into the startup file of the shell:
  eval "$(cliq completion bash)"
  eval "$(cliq completion zsh)"
  cliq completion fish | source
"""
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script with which SHELL completes commands, options and their values."""
    # Late: only this command needs it.
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.UsageError(f"click does not support {shell}")
    echo(completion_class(ctx.find_root().command, {}, "cliq", "_CLIQ_COMPLETE").source())
