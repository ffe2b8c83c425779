"""Hyperliquid's info and exchange endpoints."""
