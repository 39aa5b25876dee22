"""The laptop stands in for the cloud: real storage, Firestore and framework, and a trigger between them."""
