"""Multiple regression as prediction: from sums of products to shares of variance, in and out of the sample."""
