"""`python -m bioinstruct.bench`, as `accelerate launch -m bioinstruct.bench` starts it."""

from bioinstruct.bench.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
