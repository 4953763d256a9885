"""What the gateway thinks: values in, values out, no way to touch the world."""
