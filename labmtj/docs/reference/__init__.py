"""Pages of the reference that are made from the program itself: Markdown, kept in `source`, new by one command."""
