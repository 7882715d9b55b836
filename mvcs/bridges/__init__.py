"""Doors to the tools that models live with; each is imported only when its tool is there."""
