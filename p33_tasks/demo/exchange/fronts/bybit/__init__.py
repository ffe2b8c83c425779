"""Bybit's v5 API of linear contracts."""
