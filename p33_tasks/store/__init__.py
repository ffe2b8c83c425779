"""The state store: Redis keys, their encoding, and one Lua script per atomic act."""
