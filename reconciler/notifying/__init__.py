"""Notifications: who is told when something changes, what is said, and how it gets there (docs/notifications.md)."""
