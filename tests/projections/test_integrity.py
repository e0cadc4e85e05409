"""What SQLite finds in a file is told line by line, some and how many more."""

from __future__ import annotations

from pathlib import Path

import apsw

from projections.verifying import integrity


def test_some_findings_are_told_and_how_many_more(tmp_path: Path) -> None:
    path = tmp_path / "model.db"
    db = apsw.Connection(str(path))
    db.execute("PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE t (x)")
    db.executemany("INSERT INTO t VALUES (?)", [(b"x" * 1000,) for _ in range(200)])
    assert integrity(db) == []
    size = db.pragma("page_size")
    db.close()
    with path.open("r+b") as file:  # the second page says of each page where it hangs
        file.seek(size)
        file.write(bytes(size))
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found = integrity(db)
    db.close()
    assert len(found) == 6
    assert all("ptrmap" in one and "\n" not in one for one in found[:-1])
    assert found[-1].endswith(" more of that kind")
