"""The file of a sound: its bytes for the browser's player, its media type, and its spectrogram."""
