"""Other people's tools, each run the way its own documentation shows, in an environment of their own."""
