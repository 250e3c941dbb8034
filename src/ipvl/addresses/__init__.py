"""Pools and addresses: what is held, what is free, and which comes next. Pure: it is handed what it decides on."""
