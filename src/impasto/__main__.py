"""`python -m impasto`: the same as the command `impasto`."""

from impasto.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
