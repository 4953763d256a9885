"""Where the gateway meets the world: sockets, disks and logs."""
