"""Hierarchical Bayesian models of answers."""
