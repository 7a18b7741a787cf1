"""Backends: who is asked, in which order, what their answers mean, and how one is passed on."""
