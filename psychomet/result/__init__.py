"""What we now know: the result type, its store and the gate."""
