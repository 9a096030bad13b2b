"""A broadcast from the command line, and the counts in its report."""

BROADCAST = ("broadcast", "supportbot", "--text", "hi")


def count(stdout, name):
    line = next(line for line in stdout.splitlines() if line.startswith(f"{name} "))
    return int(line.split()[1].replace(",", ""))
