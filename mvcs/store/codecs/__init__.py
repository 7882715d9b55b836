"""Codecs of tensor pieces and of runs of chunks: planes, differences, gap deltas. Implements: spec 6.3.

Pure functions over buffers; each thread may call them. All modules but `gap` import numpy: import them where tensors
are at hand, not at the top of a module that every command loads, and once before a pool of threads starts.
"""
