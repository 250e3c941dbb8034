"""Durable records, one transaction an operation. It holds no rule of the domain."""
