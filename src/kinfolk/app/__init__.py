"""Where people look at pairs and judge them."""
