"""What each row of the relay costs an output, beside what people would run without it."""
