"""python -m fail2progress: the command."""

from fail2progress.cli.__main__ import main

if __name__ == "__main__":
    main()
