"""One file, one question: what the table can tell, each with its uncertainty."""
