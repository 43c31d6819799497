"""YAML text to documents with positions, to schema-checked domain values."""
