"""The MuJoCo backend: bodies, the floating hand, ray casting, rendering."""
