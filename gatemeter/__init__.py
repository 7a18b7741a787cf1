"""The command line, the settings and the demo that tie gatemeter's rooms together."""
