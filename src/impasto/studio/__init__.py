"""The studio: a page in the browser where a person paints, and the small JSON API under it.

The server knows neither torch nor Pillow: pictures are decoded, inspected and painted in processes of their own, so
that whatever happens there, the page answers. `serve` starts it all; `impasto studio` is a thin command over it.
"""
