"""Latent causes of several modalities, and the graph between them."""
