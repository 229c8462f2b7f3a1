"""What stands behind the items: correlations, factors, models that are confirmed or not."""
