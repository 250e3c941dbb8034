"""User input -> validated model. The only room that knows option names and words what is wrong with input."""
