"""Where the shards of a large piece of work are done: in this process, in several of this machine, or on a Ray cluster.

The result does not depend on where: shards are the blocks that one process would work on, and come back in order.
"""
