"""Docker's remote network driver (moby, daemon/libnetwork/drivers/remote) over a unix socket."""
