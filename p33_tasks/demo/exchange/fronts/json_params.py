"""The parameters of a request whose body is JSON: of the query, or of the body's one object, as texts."""

import json
from urllib.parse import parse_qsl

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.signing import SignedBytes


def json_params(sent: SignedBytes) -> dict[str, str]:
    """The parameters. A list with one order is read as that order. Raises -1102: the body isn't one object."""
    if not sent.body:
        return dict(parse_qsl(sent.query, keep_blank_values=True))
    try:
        body = json.loads(sent.body)
    except ValueError:
        body = None
    if isinstance(body, list) and len(body) == 1:
        (body,) = body  # several orders at once, of which one was sent
    if not isinstance(body, dict):
        raise refusal(-1102, name="body")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in body.items()}
