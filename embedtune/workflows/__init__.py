"""Each verb of the command line as a function: config in, typed result out. `shared/` holds what verbs share."""
