"""The place: folders, format, configuration, locks, the workspace and its stat cache."""
