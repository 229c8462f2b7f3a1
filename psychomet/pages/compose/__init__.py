"""From results to a document: one file per section, and the assembly."""
