"""What a commit gathers beside its files: one handler for each kind of ingredient, and those of plug-ins."""
