"""The command line of mvcs: parses, calls the Python API, shows the answer."""
