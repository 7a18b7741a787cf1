"""The questions of `analytics.panels`, one file each."""
