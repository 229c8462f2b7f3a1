"""Confirmatory factor models: text to model, estimation, fit, standardised solutions, modification indices.

``syntax`` and ``expression`` read the text, ``build``, ``ties`` and ``model`` make the model of it; ``sample`` holds
the answers; ``implied``, ``normal``, ``least_squares`` and ``saturated`` are moments, discrepancies and their slopes,
``start``, ``minimise`` and ``estimate`` the descent; ``fit`` and ``ordinal`` fit, with the corrections of ``robust``,
``incomplete`` and ``clusters``; ``measures``, ``misfit``, ``solution``, ``modification``, ``composite``, ``scores`` and
``blocks`` are what is read from a fit.
"""
