"""What file contents mean: configuration, packages, notebooks, rows, lines. Pure; knows nothing of trees or merges."""
