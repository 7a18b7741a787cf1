"""What a request asks for and what its answer says: pure, synchronous, never raising."""
