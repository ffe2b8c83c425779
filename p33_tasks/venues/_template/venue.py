"""This venue's ``VenueEntry``."""

from __future__ import annotations

from typing import Final

from p33_tasks.venues._template.reader import TemplateVenue
from p33_tasks.venues._template.spec import SPEC
from p33_tasks.venues.entry import VenueEntry

VENUE: Final = VenueEntry(spec=SPEC, reader=TemplateVenue, orders=None)
