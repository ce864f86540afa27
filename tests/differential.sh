#!/bin/sh
# The notes' pool rows run by Python and by plait, their outputs compared: tests/golden/python.py.
if ! command -v python3 >/dev/null || ! python3 -c 'import concurrent.futures, multiprocessing' 2>/dev/null; then
    echo "skipped: there is no python3 here, whose pools plait's are compared with"
    exit 77
fi
exec python3 -B "$(dirname "$0")/golden/python.py"
