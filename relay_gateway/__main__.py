"""`python -m relay_gateway` is the same as `relay-gateway`."""

from relay_gateway.cli import main

if __name__ == "__main__":
    main(prog_name="relay-gateway")
