"""How the status database came to its present shape, one step in each file of ``versions``.

To add a step: write ``versions/v<number>_<what>.py`` with ``down_revision`` naming the one
before, change ``certstatus.sources.database.schema`` to match (a test compares them), and
add the number to ``REVISIONS`` there. A step that stands in a release is never changed.
"""
