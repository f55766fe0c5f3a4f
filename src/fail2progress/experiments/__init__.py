"""The paper's tables and figures from this code, with confidence intervals and provenance."""
