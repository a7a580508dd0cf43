#!/usr/bin/env bash
# Every table of docs/PERFORMANCE.md in one go, as Markdown on stdout. Wants an idle machine, half an hour and 12 GB of
# disk; ROWS=1000000 is done in minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
ROWS=${ROWS:-10000000}
ROUNDS=${ROUNDS:-3}

part() { printf '\n### %s\n\n    %s\n\n' "$1" "$2"; }

python3 -c 'import duckdb' 2>/dev/null || PYTHONPATH=target/python python3 -c 'import duckdb' 2>/dev/null ||
    pip install --quiet --target target/python duckdb >&2 || echo 'DuckDB cannot be had here' >&2

part 'Beside DuckDB' "python3 benches/compare.py --rows $ROWS --rounds $ROUNDS"
python3 benches/compare.py --rows "$ROWS" --rounds "$ROUNDS"

sizes=(--rows 1000 --rows 10000 --rows 100000 --rows 1000000)
if ((ROWS > 1000000)); then sizes+=(--rows "$ROWS"); fi
part 'By size' "cargo bench --bench whole -- ${sizes[*]}"
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" "${sizes[@]}"

part 'By format' 'cargo bench --bench whole -- --formats'
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" --formats

part 'The extremes' 'cargo bench --bench whole -- --extremes'
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" --extremes

part 'Stage by stage' "cargo bench --bench stages -- --rows $ROWS"
cargo bench --quiet --bench stages -- --rows "$ROWS" --rounds "$ROUNDS"

if [[ -f benches/reading.rs ]]; then
    part 'Reading' 'cargo bench --bench reading'
    cargo bench --quiet --bench reading
fi

part 'The program' 'stat target/release/trueup'
cargo build --quiet --release
printf 'trueup is %s bytes.\n' "$(wc -c <target/release/trueup)"
