"""What a task does, told through ports: refresh snapshots, issue a permit, record a fill."""
