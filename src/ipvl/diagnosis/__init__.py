"""What is wrong with a host and what to do about it, told from facts alone: nothing here looks, asks or changes."""
