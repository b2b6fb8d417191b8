"""Networks for base-resolution accessibility: profile and total count, with a model of the enzyme's bias."""
