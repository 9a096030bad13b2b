"""What Discord answers: for the two clients of it."""

from answering import Answer

CHANNEL = 290926798999357250
_USER = {
    "id": "53908099506183680",
    "username": "Mason",
    "discriminator": "0",
    "global_name": "Mason",
    "avatar": "a_bab14f271d565501444b2ca3be944b25",
    "bot": True,
    "public_flags": 131141,
}
_MESSAGE = {
    "type": 0,
    "channel_id": str(CHANNEL),
    "author": _USER,
    "content": "Hello",
    "timestamp": "2025-07-11T17:27:07.299000+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "components": [],
    "pinned": False,
    "flags": 0,
}
_MESSAGES = [_MESSAGE | {"id": str(334385199974967042 - number)} for number in range(50)]
_APPLICATION = {
    "id": "172150183260323840",
    "name": "Support",
    "icon": None,
    "description": "",
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": _USER,
    "verify_key": "1e0a356058d627ca38a5c8c9648818061d49e49bd9da9e3ab17d98ad4d6bg2u8",
    "flags": 0,
    "team": None,
}


def _answer(body: object, bucket: str) -> Answer:
    """With a limit that nobody reaches."""
    return Answer(
        body,
        {
            "X-RateLimit-Bucket": bucket,
            "X-RateLimit-Limit": "1000000",
            "X-RateLimit-Remaining": "999999",
            "X-RateLimit-Reset": "4000000000.000",
            "X-RateLimit-Reset-After": "1.000",
        },
    )


def answers(base: str) -> dict[str, Answer]:
    """By request, for a client whose paths begin with `base`."""
    messages = f"{base}/channels/{CHANNEL}/messages"
    return {
        f"POST {messages}": _answer(_MESSAGES[0], "abcd1234"),
        f"GET {messages}": _answer(_MESSAGES, "bcde2345"),
        f"GET {base}/users/@me": Answer(_USER),
        f"GET {base}/oauth2/applications/@me": Answer(_APPLICATION),
    }
