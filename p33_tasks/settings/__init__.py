"""The configuration of CONTRACT section 2: environment variables over an env file, checked as a whole."""

from __future__ import annotations

from p33_tasks.settings.loading import DEFAULT_ENV_FILE, load_settings, unknown_variables
from p33_tasks.settings.model import MAX_STALE_THRESHOLD_SEC, Settings
from p33_tasks.settings.urls import next_db

__all__ = ["DEFAULT_ENV_FILE", "MAX_STALE_THRESHOLD_SEC", "Settings", "load_settings", "next_db", "unknown_variables"]
