"""Everything that is written where others can read it, and nothing else: names, formats, dialects."""
