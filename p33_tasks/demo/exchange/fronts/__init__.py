"""A venue's API in front of the core: a folder per venue with its ``front`` and ``routes``, and what they share.

``registry`` has a line per venue, ``front`` what a venue provides, ``route`` one endpoint, ``common`` orders and lists
that several venues have alike, ``row_faults`` the switches of a position's row, ``json_params`` a JSON body's fields.
"""
