"""A shell in a terminal, into which a test types as a reader of the documentation does."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from contextlib import asynccontextmanager

PROMPT = "ready> "
ROWS, COLUMNS = 40, 120

# The shell is the terminal's own program, so that Ctrl-C reaches what it runs.
START = "import fcntl, os, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execlp('sh', 'sh')"
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A terminal with a shell."""

    def __init__(self, fd):
        self._fd = fd
        self._shown = ""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self):
        try:
            read = os.read(self._fd, 65536)
        except OSError:  # the shell has ended
            read = b""
        if not read:
            asyncio.get_running_loop().remove_reader(self._fd)
        self._shown += read.decode()
        self._news.set()

    async def until(self, text):
        """Wait for a text. Returns what the terminal has shown up to it, without colors."""
        async with asyncio.timeout(60):
            while text not in self._shown:
                self._news.clear()
                await self._news.wait()
        before, _, self._shown = self._shown.partition(text)
        return CODES.sub("", before)

    def type(self, text):
        """Press keys."""
        os.write(self._fd, text.encode())

    async def run(self, line):
        """Type a command and wait for its end. Returns what it has shown."""
        self.type(f"{line}\n")
        return await self.ended(line)

    async def ended(self, line):
        """Wait for the end of a command. Returns what it has shown."""
        shown = await self.until(PROMPT)
        self.type('echo "status $?"\n')
        assert (await self.until(PROMPT)).strip() == "status 0", f"{line}\n{shown}"
        return shown


@asynccontextmanager
async def terminal(folder, **env):
    """Open a terminal in a folder; what runs in it ends with the body."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    settings = termios.tcgetattr(theirs)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", START),
        cwd=folder,
        env=os.environ | {"PS1": PROMPT, "TERM": "xterm-256color", "ENV": ""} | env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    opened = Terminal(ours)
    try:
        await opened.until(PROMPT)
        yield opened
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)  # hangs up on what still runs
        if process.returncode is None:
            process.send_signal(signal.SIGHUP)
        await process.wait()
