"""Who may write: one process an account."""
