"""Points2Plans (paper A.11): point cloud encoder, features, delta dynamics and decoders."""
