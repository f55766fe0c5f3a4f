"""Binary-Pred: relations of every pair of segments by itself, without displacement."""
