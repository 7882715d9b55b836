"""The shape of history: walks, merge bases, a networkx graph. Implements: spec 12.5."""
