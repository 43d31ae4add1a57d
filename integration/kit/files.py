"""What lies in a directory that is written to at the same time."""

import os


def file_bytes(root):
    """{path: bytes} of every file below; what is removed while it is looked at is not there."""
    found = {}
    for folder, _, files in os.walk(root):
        for path in (os.path.join(folder, file) for file in files):
            try:
                found[path] = os.path.getsize(path)
            except FileNotFoundError:
                pass
    return found
