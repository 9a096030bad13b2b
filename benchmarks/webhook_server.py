"""A receiver of events on a free port, in a process of its own; its argument is which one.

The first line of its output is its URL. It answers each line of its input with the seconds of CPU
that the process has used so far.
"""

import asyncio
import logging
import socket
import sys
import threading
import time

from receivers import RECEIVERS


def _tell_cpu() -> None:
    for _ in sys.stdin:
        print(time.process_time(), flush=True)


async def main(name: str) -> None:
    """Serve until the process is ended."""
    logging.disable(logging.WARNING)  # that others are refused is meant
    # With its protocol, or asyncio would let responses wait for more to send.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    threading.Thread(target=_tell_cpu, daemon=True).start()
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/cliq", flush=True)
    await RECEIVERS[name].serve(listening)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
