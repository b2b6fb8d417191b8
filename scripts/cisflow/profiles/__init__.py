"""Coverage profiles at single-base resolution: regions, counts and sequences for profile models."""
