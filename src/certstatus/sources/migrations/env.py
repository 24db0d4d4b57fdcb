"""Run the steps on the connection that ``certstatus.sources.database.engine`` hands over.

The caller holds the transaction: all steps stand together, or none does.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
