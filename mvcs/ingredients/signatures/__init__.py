"""Signatures of models, read from what their files say; nothing of them is executed."""
