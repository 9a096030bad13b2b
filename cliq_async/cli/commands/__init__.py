"""The commands of `cliq`, one module for each command or group of commands."""
