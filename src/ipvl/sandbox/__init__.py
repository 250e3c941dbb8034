"""Programs in namespaces of their own: processes, file systems, terminals. It knows nothing of networks."""
