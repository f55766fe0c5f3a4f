"""The vocabulary: objects, scenes, cameras, relations, observations, goals, memory. Imports no other room and no engine."""
