"""Make endpoints, hand their ports over, take them away."""
