"""The six steps of scheduling a file, one module each; `pages/many.py` puts them on one page."""
