"""Which losses suit a data set, with the reasons that the data give."""
