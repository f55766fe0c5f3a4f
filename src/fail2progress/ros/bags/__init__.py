"""Recordings in the rosbag2 layout (MCAP): writing and reading."""
