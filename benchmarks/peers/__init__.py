"""The clients that are measured beside each other, one small adapter each."""

from .cliq import CLIQ
from .discord_py import DISCORD_PY
from .hikari_rest import HIKARI
from .model import Client, Peer
from .slack import SLACK_SDK
from .telegram_bot import TELEGRAM_BOT

PEERS = (CLIQ, SLACK_SDK, DISCORD_PY, HIKARI, TELEGRAM_BOT)

__all__ = ["CLIQ", "PEERS", "Client", "Peer"]
