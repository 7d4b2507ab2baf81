"""The engines that come with the product; each is an entry point of the group ``umd_curate.engines``."""
