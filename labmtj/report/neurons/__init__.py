"""The page of a study of networks of neurons made of one junction each."""
