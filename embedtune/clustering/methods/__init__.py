"""Methods of clustering, one a file; the listing of this folder is the list of names."""
