"""Figures of results: each function takes estimate rows and returns a drawing, and touches no screen."""
