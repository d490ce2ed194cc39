"""A command line's command each."""
