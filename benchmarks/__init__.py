"""The numbers of the project, measured side by side: `python -m benchmarks`."""
