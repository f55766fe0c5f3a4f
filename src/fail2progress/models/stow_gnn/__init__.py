"""Stow-GNN: message passing over a graph of segments."""
