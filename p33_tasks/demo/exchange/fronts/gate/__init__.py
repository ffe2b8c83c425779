"""Gate's v4 API of USDT futures."""
