"""Report: one HTML file, complete in itself, that shows what runs have found."""
