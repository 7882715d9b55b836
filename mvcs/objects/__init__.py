"""What a thing is, and its name: blob, tree, commit, tag, attestation, operation.

Pure: no input, no output, no clock. Implements: spec 3 to 5.
"""
