#!/bin/sh
# The tests of the SDKs themselves, each in the usual tool of its language. What is not there is skipped, loudly.
set -eu
cd "$(dirname "$0")/../../guest-sdk"

if python3 -m pytest --version >/dev/null 2>&1; then
    (cd python && python3 -m pytest -q -p no:cacheprovider)
else
    echo "SKIPPED  the tests of the SDK for Python: python3 -m pytest is missing"
fi
if command -v go >/dev/null; then
    (cd go && go vet ./... && go test ./...)
else
    echo "SKIPPED  the tests of the SDK for Go: go is missing"
fi
if command -v npm >/dev/null; then
    (cd js && npm install --silent --no-fund --no-audit && npm test)
else
    echo "SKIPPED  the tests of the SDK for TypeScript: npm is missing"
fi
if command -v mvn >/dev/null && command -v javac >/dev/null; then
    (cd java && mvn --batch-mode --quiet test && echo "ok       the tests of the SDK for Java")
else
    echo "SKIPPED  the tests of the SDK for Java: mvn or javac is missing"
fi
