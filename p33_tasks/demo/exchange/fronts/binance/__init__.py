"""Binance USD-M futures: the core's values, untranslated."""
