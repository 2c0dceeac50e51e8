"""What tests of storage share: a record of what was made safe on the disk, and when."""

import os

import pytest


@pytest.fixture
def disk(monkeypatch):
    """Syncs and renames in their order: ("sync", inode of the file) and ("rename", name that is now there)."""
    events = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def synced(descriptor):
        events.append(("sync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def renamed(function):
        def call(source, target):
            function(source, target)
            events.append(("rename", os.path.basename(target)))

        return call

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed(rename))
    monkeypatch.setattr(os, "replace", renamed(replace))
    return events
