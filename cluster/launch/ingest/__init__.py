"""`matinee ingest`: from a file with a name to a title that plays."""
