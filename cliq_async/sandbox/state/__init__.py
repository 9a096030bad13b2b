"""The data the sandbox keeps: bots, handlers, channels, people, messages, calls, the state file."""
