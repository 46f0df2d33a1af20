"""`python -m kinfolk`: the command line, for torchrun among others."""

from kinfolk.cli import main

if __name__ == "__main__":
    main()
