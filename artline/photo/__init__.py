"""Bytes of any photo to upright RGB pixels: formats, limits and errors in one place.

* `reader`: opens a photo, checks it, decodes it once
* `formats`: which formats are read, how they begin, and names for what is not read
* `bounds`: how many pixels and how much time one photo may take
* `pixels`: every mode of Pillow to RGB on white, shrunk and upright
* `directory`, `tiff`, `png`, `icon`, `heif`: what Pillow does not do, or not safely
"""
