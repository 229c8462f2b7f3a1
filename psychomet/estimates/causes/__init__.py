"""What goes with what across modalities, and what causes it."""
