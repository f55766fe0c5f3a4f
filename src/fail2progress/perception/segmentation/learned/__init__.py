"""The learned segmenter: a small network that tells things from supports and background, and one thing from another."""
