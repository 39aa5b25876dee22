"""The way of one upload, a room for each step: event, file, blocks of samples, mean MFCCs, document."""
