"""``python -m psychomet`` is the ``psychomet`` command."""

from __future__ import annotations

from psychomet.cli import main

if __name__ == "__main__":
    main()
