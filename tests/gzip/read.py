"""Reads every NAME.gz of a directory with Python's gzip and compares it with NAME."""

import gzip
import pathlib
import sys

count = 0
for packed in sorted(pathlib.Path(sys.argv[1]).glob("*.gz")):
    if gzip.decompress(packed.read_bytes()) != packed.with_suffix("").read_bytes():
        sys.exit(f"{packed.name} does not read back")
    count += 1
print(f"{count} files")
