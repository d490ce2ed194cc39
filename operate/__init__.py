"""Looks at a machine, an account and a deployed service, and estimates what one costs."""
