"""``python -m benchmarks.representation``."""

from benchmarks.representation.study import main

main()
