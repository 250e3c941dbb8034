"""What is imported before anything else is, and imports next to nothing itself."""
