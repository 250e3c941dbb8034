"""Where things are unless a flag says otherwise; as text alone, since the quickest commands import nothing else."""

STATE_FOLDER = "/var/lib/ipvl"
DOCKER_SOCKET = "/run/docker/plugins/ipvl.sock"  # a folder that Docker looks into for plugins
CONTROL_SOCKET = "/run/ipvl/control.sock"
ENGINE_SOCKET = "/run/docker.sock"
