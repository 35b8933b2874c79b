"""How people keep data sets: as zip archives, in sub-folders, in shards, as Arrow, under other column names."""
