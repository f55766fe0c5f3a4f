"""The nodes, one module each, found by the name in the graph."""
