"""Pure decisions: from a wish, the records and the host's links to the steps to take. Nothing here waits or touches."""
