"""Arrays in, arrays out: NumPy and SciPy only, no tables, no words."""
