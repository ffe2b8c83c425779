"""The work of the tasks, written against ports: refresh snapshots, issue permits, record fills, reconcile."""
