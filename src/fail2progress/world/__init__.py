"""The vocabulary: objects, scenes, relations, observations and goals. Imports nothing from the other rooms."""
