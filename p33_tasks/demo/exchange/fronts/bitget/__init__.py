"""Bitget's v2 API of USDT futures."""
