import time

import sqlalchemy as sa

import keyfuse_webhook.jobs  # noqa: F401 - importing it is what teaches SQLite


def test_every_sqlite_knows_fractions_of_seconds_once_jobs_are_used(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'any.db'}")
    with engine.connect() as connection:
        before = time.time() - 1
        told = connection.scalar(sa.text("SELECT unixepoch('subsec')"))
    engine.dispose()
    assert before < told < time.time() + 1
    assert isinstance(told, float)
