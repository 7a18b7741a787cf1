"""Usage nobody reported, counted from request and answer; slow: never on the event loop."""
