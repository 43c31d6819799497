"""The journal: what was intended, what came of it and what was decided, in a bounded SQLite file."""
