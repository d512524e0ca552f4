"""Language models that learn from texts, and from which of two responses is better."""
