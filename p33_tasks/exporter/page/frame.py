"""What every page has around it."""

from __future__ import annotations

from p33_tasks.exporter.page.style import STYLE
from p33_tasks.exporter.page.text import esc

REFRESH_SEC = 10

__all__ = ["REFRESH_SEC", "STYLE", "document", "message"]


def document(title: str, body: str, *, refresh_sec: int | None = None, aside: str = "") -> str:
    """A whole page.

    Args:
        title: Plain text.
        body: HTML.
        refresh_sec: Load the page again after so long; None: leave it.
        aside: HTML, beside the name of the service.
    """
    refresh = f'<meta http-equiv="refresh" content="{refresh_sec}">' if refresh_sec else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,">{refresh}<title>{esc(title, 200)}</title><style>{STYLE}</style></head><body>'
        f'<header><a href="/"><b>Position State Brain</b></a>{aside}'
        '<form action="/plan" method="get"><label class="hidden" for="id">plan_id</label>'
        '<input id="id" name="id" placeholder="plan_id" maxlength="1000" required autocomplete="off"> '
        "<button>Find plan</button></form></header>"
        f"<main>{body}</main><footer>Read-only. Times are Redis TIME in UTC. "
        'The same for machines: <a href="/metrics">/metrics</a> <a href="/readyz">/readyz</a> '
        '<a href="/healthz">/healthz</a></footer></body></html>'
    )


def message(title: str, text: str) -> str:
    """A page that says one thing."""
    return document(
        title,
        f'<section class="state stop"><h1>{esc(title)}</h1><p>{esc(text, 600)}</p></section>'
        '<p><a href="/">Back to the overview</a></p>',
    )
