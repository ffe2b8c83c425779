"""Shows the whole cluster from Redis: metrics for Prometheus, health for a supervisor, a page for people."""
