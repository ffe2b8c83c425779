"""What people and dashboards see of the store: read-only, in a number of round trips that no symbol adds to."""
