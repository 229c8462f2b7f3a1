"""How well simulated latents and graphs are found: the study behind docs/validation/representation.md."""
