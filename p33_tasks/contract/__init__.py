"""The formats that other programs read or write: names of keys and fields, stream entries, result dialects."""
