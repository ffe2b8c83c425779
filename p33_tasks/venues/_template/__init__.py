"""Where a new venue begins: copy this folder, then follow docs/adding-a-venue.md.

Say here which requests were chosen and why: what proves a symbol flat, and which unified methods of ccxt can't be used.

Sources: the venue's own documentation, page by page.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.venues._template.reader import TemplateVenue
from p33_tasks.venues._template.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=TemplateVenue, orders=None)
