"""What changed between two states. Pure."""
