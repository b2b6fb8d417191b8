"""A predictor endpoint for evaluators that speak the Genomic API for Model Evaluation."""
