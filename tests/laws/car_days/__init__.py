"""Days of single cars, what of them reaches the cloud in disorder, and what has to come of it."""
