"""Keeps signed URLs, signatures and keys out of every text that leaves this package.

An exception's message once contained the signed URL, which is enough to repeat the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "********"
MAX_LENGTH = 300
_SHORTEST_SECRET = 4  # masking shorter ones would make texts unreadable and protect nothing

_QUERY = re.compile(r"\?[\w%.~\[\]-]+=[^\s'\"<>]*")  # of a URL or of a path alone
_USERINFO = re.compile(r"(\bhttps?://)[^\s/@'\"<>]+@", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(signature|x-mbx-apikey|api[_-]?key|api[_-]?secret|secret|password|passphrase|listenkey)"
    r"(['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;<>}]+",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def scrub(text: str, secrets: Iterable[str | None] = ()) -> str:
    """``text`` on one line, at most ``MAX_LENGTH`` characters, without any of ``secrets`` in plain or encoded form."""
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, MASK)
    text = _QUERY.sub(f"?{MASK}", text)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _NAMED.sub(rf"\1\2{MASK}", text)
    text = _UNPRINTABLE.sub(" ", text)
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."
