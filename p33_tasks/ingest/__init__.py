"""The ingest: reads the streams; sends tasks for entries, or settles entries itself."""
