"""Pure decisions: from a request, records and the host to the steps to take. Nothing here waits or touches."""
