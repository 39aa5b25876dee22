"""A page over the collection: look at the sounds, play them, and find those that sound alike."""
