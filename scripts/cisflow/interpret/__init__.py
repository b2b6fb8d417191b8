"""What trained expression models see in a sequence: effects of substitutions, attributions, agreement of models."""
