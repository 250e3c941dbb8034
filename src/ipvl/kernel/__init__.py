"""The only room that speaks netlink.

It does what a step says and translates what the kernel answers; it decides nothing.
"""
