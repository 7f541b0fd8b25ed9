"""One paper, one file: which views, which encoder, which objective, and one training step."""
