"""One module for each table or figure, resumable, with confidence intervals and provenance."""
