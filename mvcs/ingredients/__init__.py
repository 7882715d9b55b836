"""What belongs to a model: which file is which ingredient, and how it is captured."""
