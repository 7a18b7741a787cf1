"""One module a command; `gatemeter.cli` imports the one that is asked for."""
