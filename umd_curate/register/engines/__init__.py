"""Registration engines of the product; others are installed beside it by entry point."""
