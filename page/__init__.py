"""A page over the sounds of one bucket: look at them, play them, and find those that sound alike."""
