"""What became of the statements of the five papers; ``pages.py`` writes a page of each."""
