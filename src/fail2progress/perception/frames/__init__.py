"""Frames as people have them: images, folders of them, the files of their cameras, and what lenses and two cameras do to them."""
