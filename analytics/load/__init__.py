"""The write side: `Loader` stores a batch in one transaction, one file a stage."""

from analytics.load.loader import Loader

__all__ = ["Loader"]
