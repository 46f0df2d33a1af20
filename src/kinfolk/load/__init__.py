"""Loading: a name or a path becomes Images, Images become batches, batches become views and positives."""
