"""Rows of data files, read in blocks: what they are called, which cells they have, where they wait to be joined."""
