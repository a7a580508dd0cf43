#!/usr/bin/env bash
# Every table of docs/PERFORMANCE.md in one go, as Markdown on stdout. Wants an idle machine, half an hour and 12 GB of
# disk; ROWS=1000000 is done in minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
ROWS=${ROWS:-10000000}
ROUNDS=${ROUNDS:-3}

# Formats and extremes need no more to show what they cost.
MILLION=$((ROWS < 1000000 ? ROWS : 1000000))

part() { printf '\n### %s\n\n    %s\n\n' "$1" "$2"; }

python3 -c 'import duckdb' 2>/dev/null || PYTHONPATH=target/python python3 -c 'import duckdb' 2>/dev/null ||
    pip install --quiet --target target/python duckdb >&2 || echo 'DuckDB cannot be had here' >&2

part 'Beside DuckDB' "python3 benches/compare.py --rows $ROWS --rounds $ROUNDS"
python3 benches/compare.py --rows "$ROWS" --rounds "$ROUNDS"

sizes=()
for rows in 1000 10000 100000 1000000 "$ROWS"; do
    if ((rows < ROWS)) || [[ $rows == "$ROWS" && " ${sizes[*]} " != *" $ROWS "* ]]; then sizes+=(--rows "$rows"); fi
done
part 'By size' "cargo bench --bench whole -- ${sizes[*]}"
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" "${sizes[@]}"

part 'By format' "cargo bench --bench whole -- --formats --rows $MILLION"
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" --formats --rows "$MILLION"

part 'The extremes' "cargo bench --bench whole -- --extremes --rows $MILLION"
cargo bench --quiet --bench whole -- --rounds "$ROUNDS" --extremes --rows "$MILLION"

part 'Stage by stage' "cargo bench --bench stages -- --rows $ROWS"
cargo bench --quiet --bench stages -- --rows "$ROWS" --rounds "$ROUNDS"

if [[ -f benches/reading.rs ]]; then
    part 'Reading' 'cargo bench --bench reading'
    cargo bench --quiet --bench reading
fi

part 'The program' 'stat target/release/trueup'
cargo build --quiet --release
printf 'trueup is %s bytes.\n' "$(wc -c <target/release/trueup)"
