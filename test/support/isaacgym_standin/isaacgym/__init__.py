"""A stand-in of Isaac Gym for tests: see gymapi."""
