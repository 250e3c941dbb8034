"""One suite for each promise that has more than one implementation, fake or real."""
