"""The durable log on this machine, as its writer sees it (format: `gateway_hooks.segments`)."""
