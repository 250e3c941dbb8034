"""Every figure that the documents claim, measured."""
