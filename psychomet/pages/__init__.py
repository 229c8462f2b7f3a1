"""What we say: results become one self-contained page, its Quarto source and its figures.

This floor sees :mod:`psychomet.result`, :mod:`psychomet.errors` and :mod:`psychomet.text` only, so a
page renders without the raw answers and without the engine that made the numbers.
"""
