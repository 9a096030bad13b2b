"""Events in the form of Zoho's own samples, one for each handler, transcribed."""

import base64
from functools import cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AT_MS = 1569520690703
URL = "https://cliq.zoho.com/v2/extensions/2980/responses/17202823900615741410013820"


@cache
def key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A private key, made once for all tests of a process."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def public(private: Any) -> str:
    """A public key as Cliq shows one."""
    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def sign(body: bytes, private: rsa.RSAPrivateKey | None = None) -> str:
    """The signature that Cliq would send with a body."""
    private = private or key()
    return base64.b64encode(private.sign(body, PKCS1v15(), SHA256())).decode()


def signed(payload: Any) -> tuple[bytes, str]:
    """A body and its signature."""
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return body, sign(body)


USER = {
    "id": "4242",
    "zoho_user_id": "7001",
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann@example.com",
    "admin": True,
    "organization_id": "99",
    "timezone": "Asia/Calcutta",
    "country": "us",
    "language": "en",
}
CHAT = {
    "id": "CD_1256_1741337",
    "type": "channel",
    "title": "Catalyst",
    "owner": "4242",
    "members": [{"id": "4242", "first_name": "", "last_name": "", "email": "", "status": "0"}],
    "recent_messages": [],
}
LOCATION = {"latitude": 12.8, "longitude": 80.05, "accuracy": 30, "status": "granted"}
ACCESS = {
    "user_id": "7001",
    "zoho_user_id": "7001",
    "organization": {"type": "company", "id": "99"},
    "user_agent": "Mozilla/5.0",
    "chat_id": "CT_2243_B2",
}
ENVIRONMENT = {"tld": ".com", "data_center": "US", "base_url": "https://cliq.zoho.com/company/99"}
SENDER = {"id": "4242", "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com"}


def event(handler: Any, *, kind: str = "bot", url: str | None = URL, **params: Any) -> Any:
    """The envelope of Zoho's samples around some parameters."""
    payload: dict[str, Any] = {"name": "Sample", "handler": handler, "type": kind}
    payload |= {"unique_name": "sample_unqi"} if kind == "bot" else {}
    payload |= {"response_url": url} if url else {}
    every = {"environment": ENVIRONMENT, "access": ACCESS} | params
    return payload | {"timestamp": AT_MS, "params": every}


MESSAGE = event(
    {"type": "message_handler"},
    message_details={
        "message": {"mentions": [], "type": "text", "text": "Hi", "file": "File"},
        "time": 1610351240458,
    },
    attachments=[],
    mentions=[{"id": "123456", "type": "user", "first_name": "Scott", "email": "s@example.com"}],
    links=[],
    user=USER,
    chat=CHAT,
    location=LOCATION,
    message="Hi",
    raw_message="Hi",
    options={},
    selections=[],
    arguments="",
)
MENTION = event(
    {"type": "mention_handler"},
    message={"sender": SENDER, "time": "1493707283711", "text": "Hi", "type": "text"},
    mentions=[{"name": "Support Bot", "id": "b-17", "type": "bot"}],
    user=USER,
    chat=CHAT,
    location=LOCATION,
)
MENU = event({"type": "action_handler", "name": "Say Hi"}, user=USER, chat=CHAT) | {
    "sub_action": "Loudly"
}
CONTEXT = event(
    {"type": "context_handler"},
    user=USER,
    chat=CHAT,
    context_id="personal_details",
    answers={"name": {"text": "scott"}, "dept": {"text": "CSE"}},
    mentions=[],
    options={},
    selections=[],
    arguments="",
)
CALL = event(
    {"type": "alert_handler"},
    url=None,
    operation="ringing",
    user=USER,
    data={"call_id": "783719c0-54d1", "time": 1738312467509},
)
INCOMING = event(
    {"type": "incomingwebhook_handler"},
    user=USER,
    headers={"x-source": "mail"},
    params={"token": "1"},
    body='{"summary":"A <\\/div> test","size":238,}',
    http_method="POST",
)
PARTICIPATION = event(
    {"type": "participation_handler"},
    user=USER,
    operation="message_sent",
    chat=CHAT,
    data={"message": {"mentions": [], "type": "text", "text": "Hi"}, "time": AT_MS},
)
WELCOME = event({"type": "welcome_handler"}, user=USER, newuser=True)
BUTTON = event(
    {"type": "button_handler"},
    kind="function",
    user=USER,
    message={"is_read": False, "sender": SENDER, "time": "149", "text": "Press", "type": "text"},
    chat=CHAT,
    target={"hint": "a hint", "name": "Approve"},
    event="click",
    arguments={"key": "approve-7"},
)
WIDGET_BUTTON = event(
    {"type": "applet_button_handler"},
    kind="function",
    url=None,
    user=USER,
    target={"label": "click", "section_id": "1", "id": "", "tab_id": ""},
)
VALUES = {"email": "ann@example.com", "os": {"label": "Android", "value": "android"}, "list": {}}
FORM = event(
    {"type": "form_handler"},
    kind="function",
    user=USER,
    chat=CHAT,
    form={"values": VALUES, "name": "ID", "action": "submit"},
    message={},
)
FORM_CHANGE = event(
    {"type": "form_change_handler"},
    kind="function",
    url=None,
    form={"values": VALUES, "name": "ID", "action": "change"},
    target={"name": "os", "value": {"label": "Android", "value": "android"}},
)
FORM_VALUES = event(
    {"type": "form_values_handler"},
    kind="function",
    url=None,
    target={"query": "pix", "name": "list"},
    form={"values": VALUES, "name": "ID", "action": "input"},
)
FORM_VIEW = event({"type": "form_view_handler"}, kind="function", url=None, params={})

SAMPLES = {
    "message": MESSAGE,
    "mention": MENTION,
    "menu": MENU,
    "context": CONTEXT,
    "call": CALL,
    "incoming": INCOMING,
    "participation": PARTICIPATION,
    "welcome": WELCOME,
    "button": BUTTON,
    "widget_button": WIDGET_BUTTON,
    "form": FORM,
    "form_change": FORM_CHANGE,
    "form_values": FORM_VALUES,
    "form_view": FORM_VIEW,
}
