"""Confirmatory factor models: text to model, estimation, fit, standardised solutions, modification indices."""
