"""What happens on a host, for whoever wants to know."""
