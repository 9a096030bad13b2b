pytest_plugins = ["cliq_async.pytest_plugin"]
