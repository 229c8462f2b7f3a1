"""Graphs of causes: marks of edges, equivalence classes, separation, adjustment and distances."""
