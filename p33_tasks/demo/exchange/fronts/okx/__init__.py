"""OKX's v5 API of linear swaps."""
