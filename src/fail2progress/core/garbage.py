"""How often Python looks for garbage."""

import gc

OBJECTS = 20_000
"""Objects made since the last look. By default it is 700 (2,000 since Python 3.12), and while a command reads the 2,000 modules
that learning needs, there are hundreds of looks at what stays: a quarter of the time."""


def look_seldom() -> None:
    """For processes of our own, before they read modules; an application that imports this package decides for itself."""
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
