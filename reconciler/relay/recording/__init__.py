"""What the relay remembers of its flows' health: samples and logs, for a week, within a bounded file."""
