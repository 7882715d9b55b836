"""Where the tensors lie in a file: what the cutting of weights goes by.

Knows: formats, by their content. Refuses to know: file names, the store, codecs. Each format is a module of its own
that is imported when its first bytes are met. All of it is advisory: a file in doubt is cut as bytes.
Implements: spec 6.1.1. Decisions: docs/design/0014.
"""
