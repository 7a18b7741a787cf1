"""The rate card: what usage costs, from published price lists and the operator's own file."""
