"""The command line, one file for each noun; `manage.py` puts them together."""
