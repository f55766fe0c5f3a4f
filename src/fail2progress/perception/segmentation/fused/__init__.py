"""Both segmenters: the network proposes things, geometry tells which of them are one and which stand on something."""
