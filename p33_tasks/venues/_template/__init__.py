"""The template of a new venue: copy this folder, then follow docs/adding-a-venue.md.

Write here which requests were chosen and why: what proves a symbol flat, and which unified methods of ccxt can't be
used.

Sources: the venue's own documentation, page by page.
"""
