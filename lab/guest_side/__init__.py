"""What runs inside the guest. Unpacked to /work/lab there, so it may import the standard library and itself only."""
