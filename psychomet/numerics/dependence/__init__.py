"""Tests that two features are independent, alone or given others, and the sizes of their dependence.

Kernels and distances (:mod:`.sides`, :mod:`.conditional`), random Fourier features (:mod:`.fourier`),
tables of counts (:mod:`.tables`), partial correlations (:mod:`.partial`); their null distributions are in
:mod:`.null`.
"""
