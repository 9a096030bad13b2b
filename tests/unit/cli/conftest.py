import pytest


@pytest.fixture
async def synced(path):
    """A file of two bots, with somebody who has left each of them, and both."""
    from support.subscriber_lists import a_synced_file

    await a_synced_file(path)
    return path


@pytest.fixture
def written(monkeypatch):
    """What commands write to a terminal in place of stderr and stdout."""
    import io

    from rich.console import Console

    from cliq_async.cli.outputs import console as output

    written = io.StringIO()
    for name in ("err", "out"):
        console = Console(
            file=written,
            force_terminal=True,
            width=100,
            highlight=False,  # as the commands have it
            markup=False,
            emoji=False,
            _environ={"TERM": "xterm"},
        )
        monkeypatch.setattr(output, name, lambda console=console: console)
    monkeypatch.setattr(output, "_may_be_terminal", lambda _stream: True)
    return written


@pytest.fixture
def here(places):
    """The current folder; the platform's places are elsewhere."""
    return places / "work"


@pytest.fixture
def own_toml(here):
    """Where a user's own file of settings is; there is none yet."""
    from cliq_async.cli.settings.config_file import settings_path

    path = settings_path()
    assert path is not None
    path.parent.mkdir(parents=True)
    return path
