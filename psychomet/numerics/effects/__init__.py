"""Sizes of effects: standardised differences, dominance, shares of variance, monotone trends, pooling."""
