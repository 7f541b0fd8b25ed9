"""Methods that learn from texts, one paper one file, and their training."""
