"""The documents of the collections: read, kept for a while, and exported."""
