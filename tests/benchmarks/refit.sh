#!/bin/bash
# Times three years of forecasts with a refit every 30 days: aria, and the same regression in scikit-learn, one after the
# other on the same machine. Usage: refit.sh HISTORY.csv COLUMN FROM TO; PYTHON names a python with scikit-learn.
set -euo pipefail
[ $# -eq 4 ] || { echo 'usage: refit.sh HISTORY.csv COLUMN FROM TO' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
aria=${CARGO_TARGET_DIR:-$here/../../target}/debug/aria
python=${PYTHON:-python3}
"$python" -c 'import sklearn, pandas' || { echo "$python has no scikit-learn and pandas: name one that has with PYTHON" >&2; exit 1; }
out=$(mktemp -d); trap 'rm -rf "$out"' EXIT
seconds() { local begun; begun=$(date +%s.%N); "$@" >&2; echo "$(date +%s.%N) - $begun" | bc; }
run() { "$aria" backtest --input "$1" --column "$2" --from "$3" --to "$4" --retrain 30d --out "$out/f.csv" "${@:5}"; }
whole=$(seconds run "$@")
alone=$(seconds run "$@" --candidates ridge)
echo "aria, what models are made of by default, up to seven cuts a refit, intervals: $whole s"
echo "aria, the direct regression alone, as above: $alone s"
sklearn=$("$python" "$here/refit.py" "$@")
echo "scikit-learn, the direct regression alone, one cut a refit, no intervals: $sklearn"
