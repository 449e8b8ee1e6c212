"""The way from chapters (py:percent) to executed notebooks to the site. `book/build.py` is its command."""
