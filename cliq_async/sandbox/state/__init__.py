"""The data the sandbox keeps: bots, functions, channels, people, messages, calls, a file."""
