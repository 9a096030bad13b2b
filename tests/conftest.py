import pytest

pytest_plugins = ["cliq_async.pytest_plugin"]


@pytest.fixture(autouse=True, scope="session")
def state_of_its_own(tmp_path_factory):
    """The default quota of these tests is not that of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
