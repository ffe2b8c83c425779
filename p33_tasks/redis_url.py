"""TLS in the URLs of Redis servers and brokers: read from the URL's options, and always verified.

kombu takes ``CERT_NONE`` for a ``rediss://`` URL without options, redis-py 5 doesn't compare the host's name, and each
library spells the options in its own way. So the options are taken out of the URL here, once, and every client gets
them as arguments.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

CA_CERTS, CERT_FILE, KEY_FILE = "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"
CERT_REQS, CHECK_HOSTNAME = "ssl_cert_reqs", "ssl_check_hostname"
TLS_OPTIONS = (CA_CERTS, CERT_FILE, KEY_FILE, CERT_REQS, CHECK_HOSTNAME)
TLS_FILES = (CA_CERTS, CERT_FILE, KEY_FILE)

_ONLY = {CERT_REQS: ("required", "cert_required"), CHECK_HOSTNAME: ("true", "1", "yes")}
_WITH_TLS = ("rediss://", "amqps://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a TLS connection is made. The server's certificate and its host name are always verified."""

    ca_certs: str | None = None  # path of the authority's certificate; None: the system's authorities
    certfile: str | None = None  # path of our own certificate, where the server asks for one
    keyfile: str | None = None

    def for_redis(self) -> dict[str, Any]:
        """Arguments of redis-py's ``SSLConnection``, of any version."""
        files = {CA_CERTS: self.ca_certs, CERT_FILE: self.certfile, KEY_FILE: self.keyfile}
        return {CERT_REQS: "required", CHECK_HOSTNAME: True, **{name: path for name, path in files.items() if path}}

    def for_amqp(self, hostname: str) -> dict[str, Any]:
        """Arguments of py-amqp's TLS transport; without ``server_hostname`` it compares no name."""
        files = {"ca_certs": self.ca_certs, "certfile": self.certfile, "keyfile": self.keyfile}
        found = {name: path for name, path in files.items() if path}
        return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": hostname, **found}


def split_tls(url: str) -> tuple[str, Tls | None]:
    """Take the TLS options out of a URL.

    Returns:
        The URL without them, other options left in place; and the TLS that it asks for, None where it asks for none.
        ``sentinel://`` asks for it by any of the options: then the sentinels and the primary are both reached by TLS.

    Raises:
        ValueError: An option that weakens the verification, that occurs twice, or that has no place in this URL.
            No part of the URL is quoted: it may hold a password.
    """
    place, _, query = url.partition("?")
    found = parse_qsl(query, keep_blank_values=True)
    options = [(name, value) for name, value in found if name in TLS_OPTIONS]
    given = dict(options)
    if len(given) < len(options):
        raise ValueError("a TLS option occurs twice")
    if blank := next((name for name, value in options if not value), None):
        raise ValueError(f"{blank} has no value")
    for name, allowed in _ONLY.items():
        if given.get(name, allowed[0]).lower() not in allowed:
            raise ValueError(
                f"{name} may only be {allowed[0]}: an unverified server would be sent the password; "
                f"name its authority with {CA_CERTS}=/path/ca.crt instead"
            )
    if given and url.startswith(("redis://", "amqp://")):
        raise ValueError(f"{next(iter(given))} needs TLS: write {url.partition('://')[0]}s://")
    if KEY_FILE in given and CERT_FILE not in given:
        raise ValueError(f"{KEY_FILE} needs {CERT_FILE}")
    rest = urlencode([(name, value) for name, value in found if name not in TLS_OPTIONS])
    bare = f"{place}?{rest}" if rest else place
    if not given and not url.startswith(_WITH_TLS):
        return bare, None
    return bare, Tls(ca_certs=given.get(CA_CERTS), certfile=given.get(CERT_FILE), keyfile=given.get(KEY_FILE))


def with_tls(url: str) -> str:
    """A checked URL that asks for TLS; ``sentinel://`` does so by an option."""
    if not url.startswith("sentinel://") or split_tls(url)[1] is not None:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"
