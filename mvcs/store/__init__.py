"""Bytes by name: LMDB, cutting, codecs, mapped files. Implements: spec 6 to 8."""
