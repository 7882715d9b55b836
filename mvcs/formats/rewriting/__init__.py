"""Configuration texts with other values in them: what was not touched keeps its bytes. Pure."""
