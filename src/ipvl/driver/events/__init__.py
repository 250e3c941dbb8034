"""Events: their types, how changes of records become events, and the log that readers follow."""
