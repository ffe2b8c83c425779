"""Binance USD-M futures: the core's own words, as they are."""
