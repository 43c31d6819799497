"""The programs that carry the relay's media."""
