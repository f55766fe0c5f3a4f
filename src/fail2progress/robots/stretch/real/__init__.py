"""The real Stretch, through stretch_body."""
