"""What was answered: a table of responses, read from anywhere, checked once and kept in the engine."""
