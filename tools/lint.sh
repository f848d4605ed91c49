#!/bin/sh
# tools/lint.sh - house rules, formatting, and both compilers with all warnings.
set -eu
cd "$(dirname "$0")/.."
./dev build debug
./dev build clang
python3 tools/tidy.py . build/debug
git ls-files -z 'src/*.[ch]' 'test/*.[ch]' | xargs -0 -r clang-format-14 --dry-run --Werror
echo "lint: clean"
