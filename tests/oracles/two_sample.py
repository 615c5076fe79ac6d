"""Makes two_sample.json: inputs from a seeded generator, and what scipy, NannyML and Evidently say of them.

Run it with the environment of README.md. NannyML cannot live beside numpy 2.1.3's pandas, so that it has an environment of
its own and is asked through a pipe: the second argument is its python.
"""

import json
import math
import pathlib
import platform
import subprocess
import sys
import warnings

import numpy
import pandas
import scipy
from scipy import stats

SEED = 20261129
NANNYML = r"""
import importlib.metadata, json, sys, warnings
warnings.filterwarnings("ignore")
import numpy, pandas
from nannyml.drift.univariate.methods import FeatureType, MethodFactory

def distance(key, kind, reference, current):
    method = MethodFactory.create(key=key, feature_type=kind, chunker=None, threshold=None)
    return float(method._fit(pd_of(reference))._calculate(pd_of(current)))

def pd_of(values):
    return pandas.Series(values)

answers = []
for case in json.load(sys.stdin):
    kind = FeatureType.CATEGORICAL if case["text"] else FeatureType.CONTINUOUS
    answers.append({key: distance(key, kind, case["reference"], case["current"]) for key in ("jensen_shannon", "hellinger")})
versions = {name: importlib.metadata.version(name) for name in ("nannyml", "numpy", "pandas", "scipy")}
json.dump({"answers": answers, "versions": versions}, sys.stdout)
"""


def number_cases(draw):
    """Pairs of samples by name: what a column may hold, and what it should not."""
    normal = lambda n, mean=0.0, deviation=1.0: draw.normal(mean, deviation, n)
    cases = {
        "normal, same": (normal(200), normal(150)),
        "normal, moved": (normal(300), normal(170, 0.4)),
        "normal, same sizes": (normal(120), normal(120, 0.3)),
        "normal, wider": (normal(250), normal(90, 0.0, 2.0)),
        "large offset": (normal(100, 1e6), normal(80, 1e6 + 0.5)),
        "huge scale": (1e150 * normal(60), 1e150 * normal(45, 0.5)),
        "tiny scale": (1e-150 * normal(60), 1e-150 * normal(45, 0.5)),
        "exponential": (draw.exponential(3.0, 140), draw.exponential(4.0, 110)),
        "negative": (-draw.exponential(3.0, 90), -draw.exponential(2.0, 130)),
        "heavy tails": (draw.standard_t(1.5, 150), draw.standard_t(1.5, 200)),
        "ties of a tenth": (normal(150).round(1), normal(120, 0.2).round(1)),
        "whole numbers": (draw.poisson(3.0, 180).astype(float), draw.poisson(3.4, 140).astype(float)),
        "two values": (draw.integers(0, 2, 80).astype(float), draw.integers(0, 2, 50).astype(float)),
        "mostly zero": (draw.binomial(1, 0.1, 120) * normal(120), draw.binomial(1, 0.15, 90) * normal(90)),
        "apart": (normal(60), normal(70, 100.0)),
        "apart, same sizes": (normal(40), normal(40, -50.0)),
        "apart, many": (normal(260), normal(240, 90.0)),
        "far tail": (normal(400), normal(390, 2.5)),
        "very different sizes": (normal(500), normal(7)),
        "very different sizes, turned": (normal(6), normal(450, 1.0)),
        "divisible sizes": (normal(150), normal(50, 0.3)),
        "prime sizes": (normal(149), normal(97, 0.3)),
        "twenty each": (normal(20), normal(20, 0.8)),
        "twenty and nineteen": (normal(20), normal(19, 0.5)),
        "fifteen and ten with ties": (draw.integers(0, 6, 15).astype(float), draw.integers(1, 7, 10).astype(float)),
        "four and three": (normal(4), normal(3)),
        "two and two": (numpy.array([1.0, 2.0]), numpy.array([1.5, 3.0])),
        "one and one": (numpy.array([1.0]), numpy.array([2.5])),
        "one against many": (numpy.array([0.3]), normal(40)),
        "many against one": (normal(40), numpy.array([0.3])),
        "twenty-one": (normal(21), normal(5, 1.0)),
        "constant, same": (numpy.full(30, 0.1), numpy.full(20, 0.1)),
        "constant, other": (numpy.full(30, 0.1), numpy.full(20, 0.4)),
        "constant reference": (numpy.full(25, 2.0), normal(30)),
        "constant current": (normal(45), numpy.full(15, 0.25)),
        "identical": (normal(64), None),
        "symmetric, a power of two": (numpy.arange(-31.5, 32.0), normal(64)),
    }
    cases["identical"] = (cases["identical"][0], cases["identical"][0][::-1])
    return cases


def large_cases(draw):
    """Samples too large to store: made again by the reader from a congruential generator. (Rows, multiplier, shift.)"""
    del draw
    return {
        "large, exact": ((9_000, 7, 0.0), (5_500, 11, 0.02)),
        "large, asymptotic": ((20_000, 7, 0.0), (15_000, 11, 0.01)),
        "large, moved": ((30_000, 7, 0.0), (12_000, 11, 0.08)),
        "large, same sizes": ((8_000, 7, 0.0), (8_000, 11, 0.03)),
        "large, a thousand and ten": ((100_000, 7, 0.0), (1_010, 11, 0.03)),
    }


def congruential(rows, multiplier, shift):
    """Numbers from 0 to 1 that look random, the same in every language; squared, so that they are not even."""
    state, values = 12_345 * multiplier, []
    for _ in range(rows):
        state = (1_103_515_245 * state + 12_345) % 2**31
        values.append((state / 2**31) ** 2 + shift)
    return numpy.array(values)


def text_cases(draw):
    pick = lambda n, *shares: draw.choice(["coal", "gas", "solar", "wind"][: len(shares)], n, p=shares).tolist()
    return {
        "same shares": (pick(200, 0.1, 0.4, 0.2, 0.3), pick(150, 0.1, 0.4, 0.2, 0.3)),
        "other shares": (pick(200, 0.1, 0.4, 0.2, 0.3), pick(90, 0.4, 0.3, 0.2, 0.1)),
        "an unseen category": (pick(120, 0.5, 0.3, 0.2), pick(80, 0.5, 0.3, 0.2) + ["wind"]),
        "a lost category": (pick(120, 0.1, 0.4, 0.2, 0.3), pick(80, 0.5, 0.3, 0.2)),
        "apart": (pick(40, 1.0), ["hydro"] * 30),
        "one category": (["a"] * 12, ["a"] * 9),
        "not ASCII": (["é", "z", "é", "Z", "ß"] * 7, ["é", "z", "z", "Z", "日"] * 5),
    }


def psi(shares, others):
    """The index over given shares with the floor of the project, 1e-4."""
    p, q = (numpy.maximum(numpy.asarray(s, float), 1e-4) for s in (shares, others))
    return float(((q - p) * numpy.log(q / p)).sum())


def deciles(reference):
    return numpy.unique(numpy.quantile(reference, numpy.arange(1, 10) / 10))


def in_bins(edges, values):
    return numpy.bincount(numpy.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def contingency(reference, current):
    """chi2_contingency over the classes that are not empty on both sides: it has no answer for one that is."""
    table = numpy.array([reference, current])
    found = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    return [float(found.statistic), float(found.pvalue)]


def pair(test):
    """Statistic and p-value, or nothing where scipy has none."""
    try:
        found = test()
    except (ValueError, IndexError):
        return None
    both = [float(found.statistic), float(found.pvalue)]
    return both if all(map(math.isfinite, both)) else None


def known(value):
    """The value as JSON has it: nothing where it is no number, as scipy's asymptotic p-value of one value against one."""
    return float(value) if math.isfinite(value) else None


def numbers(reference, current):
    n, m = len(reference), len(current)
    exact = stats.ks_2samp(reference, current, method="exact") if max(n, m) <= 10_000 else None
    deviation = numpy.std(reference)
    values = numpy.unique(numpy.concatenate([reference, current]))
    edges = deciles(reference)
    counts = [in_bins(edges, side) for side in (reference, current)]
    by_value = [[int((side == value).sum()) for value in values] for side in (reference, current)]
    return {
        "ks": [float(stats.ks_2samp(reference, current, method="asymp").statistic),
               float(stats.ks_2samp(reference, current, method="auto").pvalue)],
        "ks_exact": None if exact is None else float(exact.pvalue),
        "ks_asymptotic": known(stats.ks_2samp(reference, current, method="asymp").pvalue),
        "wasserstein": float(stats.wasserstein_distance(reference, current)),
        "wasserstein_normed": None if len(set(reference)) == 1
        else float(stats.wasserstein_distance(reference, current) / deviation),
        "psi": psi(counts[0] / n, counts[1] / m),
        "chi_squared": contingency(*(by_value if len(values) <= 20 else counts)),
        "cramer_von_mises": pair(lambda: stats.cramervonmises_2samp(reference, current)),
        "anderson_darling": pair(lambda: stats.anderson_ksamp([reference, current], midrank=True)),
        "energy": float(stats.energy_distance(reference, current)),
    }


def texts(reference, current):
    names = sorted({*reference, *current})
    counts = [[side.count(name) for name in names] for side in (reference, current)]
    return {
        "psi": psi([c / len(reference) for c in counts[0]], [c / len(current) for c in counts[1]]),
        "chi_squared": contingency(*counts),
    }


def evidently(reference, current):
    """Evidently's normed Wasserstein distance, where its floor under the deviation (0.001) is not reached."""
    from evidently.legacy.calculations.stattests import wasserstein_stat_test
    from evidently.legacy.core import ColumnType

    found = wasserstein_stat_test.func(pandas.Series(reference), pandas.Series(current), ColumnType.Numerical, 0.1)
    return float(found[0])


def nannyml(python, cases):
    asked = [{"text": text, "reference": list(r), "current": list(c)} for text, r, c in cases]
    done = subprocess.run([python, "-c", NANNYML], input=json.dumps(asked), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    answer = json.loads(done.stdout)
    return answer["answers"], answer["versions"]


def main():
    out, python = pathlib.Path(__file__).with_name("two_sample.json"), sys.argv[1]
    warnings.filterwarnings("ignore")
    draw = numpy.random.default_rng(SEED)
    cases = []
    for name, (reference, current) in number_cases(draw).items():
        sides = {"reference": [float(v) for v in reference], "current": [float(v) for v in current]}
        cases.append({"name": name, "kind": "numbers", **sides, "oracle": numbers(reference, current)})
    for name, (reference, current) in large_cases(draw).items():
        made = {"reference": reference, "current": current}
        cases.append({"name": name, "kind": "made", **made, "oracle": numbers(congruential(*reference), congruential(*current))})
    for name, (reference, current) in text_cases(draw).items():
        cases.append({"name": name, "kind": "text", "reference": reference, "current": current, "oracle": texts(reference, current)})

    def raw(case):
        made = case["kind"] == "made"
        return tuple(congruential(*case[s]).tolist() if made else case[s] for s in ("reference", "current"))

    answers, versions = nannyml(python, [(case["kind"] == "text", *raw(case)) for case in cases])
    for case, answer in zip(cases, answers):
        case["oracle"] |= {key: known(value) for key, value in answer.items()}
        if case["kind"] == "numbers" and numpy.std(case["reference"]) > 0.001:
            case["oracle"]["wasserstein_normed_evidently"] = evidently(case["reference"], case["current"])
    import evidently as evidently_package

    made_by = {"python": platform.python_version(), "numpy": numpy.__version__, "scipy": scipy.__version__,
               "evidently": evidently_package.__version__, "nannyml": versions["nannyml"],
               "beside nannyml": {name: version for name, version in versions.items() if name != "nannyml"}}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    out.write_text(f'{{"seed":{SEED},"made_by":{json.dumps(made_by)},\n"cases":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
