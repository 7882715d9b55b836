"""Names and ledgers: refs moved by compare-and-swap, each move an operation. Implements: spec 9, 10."""
