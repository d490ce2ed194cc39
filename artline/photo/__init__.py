"""Bytes of any photo to upright RGB pixels: formats, limits and errors in one place."""
