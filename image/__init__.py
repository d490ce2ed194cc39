"""The function's container image: its build context, building, running, and what is in it."""
