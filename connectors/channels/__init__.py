"""Order channels: how the payload of each becomes commands, and what is refused."""
