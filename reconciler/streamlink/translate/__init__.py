"""Between the API's words and ours: what is read becomes domain values, and domain values become requests."""
