"""The ground that everything stands on.

Two layers: the ground (errors, settings, events, durable, resilience, security, edge) imports nothing above it;
`cluster.launch` composes every application and actor and may import all of them.
"""
