"""The configuration of CONTRACT section 2: environment variables over an env file, checked as a whole."""

from __future__ import annotations

from p33_tasks.settings.loading import DEFAULT_ENV_FILE, load_settings, unknown_variables
from p33_tasks.settings.model import Settings
from p33_tasks.settings.urls import next_db
from p33_tasks.settings.variables import MAX_STALE_THRESHOLD_SEC

__all__ = ["DEFAULT_ENV_FILE", "MAX_STALE_THRESHOLD_SEC", "Settings", "load_settings", "next_db", "unknown_variables"]
