"""`python -m opensirt` is the command `opensirt`."""

from opensirt.cli import main

if __name__ == "__main__":
    main()
