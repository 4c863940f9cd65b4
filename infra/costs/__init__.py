"""What each stack costs in a month, by size: `make costs`."""
