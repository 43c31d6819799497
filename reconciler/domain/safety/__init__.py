"""Safety: what of a plan may be sent, decided from the whole difference, and what is decided at each write."""
