"""From candidate pairs to links: compare, match, decide, explain."""
