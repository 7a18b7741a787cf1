"""The whole pipeline on one machine, with invented traffic, and the proof that it counts right.

Two sides keep books: the callers write down what their answers said, the store sums up what the
gateway recorded. At the end the two must agree on every request and every token.
"""

from gatemeter.demo.errors import DemoError
from gatemeter.demo.run import Options, run_demo

__all__ = ["DemoError", "Options", "run_demo"]
