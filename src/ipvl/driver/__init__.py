"""The use cases. They lock, look, let planning decide, record the intent, change the kernel and record the fact."""
