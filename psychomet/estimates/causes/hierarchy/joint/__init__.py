"""Latent traits of units, measured by answers and linked to behaviour and features: one model for all."""
