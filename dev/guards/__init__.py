"""One law of the house in each module: ``violations(...)`` lists what breaks it, best none.

The tests under ``tests/guards`` hold the tree to each law, and each law to a planted break.
"""
