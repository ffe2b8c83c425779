"""The state store: implements the ports on Redis, with one Lua script per atomic act."""
