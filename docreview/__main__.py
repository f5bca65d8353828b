"""`python -m docreview`: the command line, where its script is not on the path."""

from docreview.cli import main

if __name__ == "__main__":
    main()
