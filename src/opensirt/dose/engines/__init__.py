"""One file each; a module here registers itself."""
