"""Makes multivariate.json: what NannyML, scikit-learn, statsmodels and scipy say of small tables and loss series.

    python -m venv v && v/bin/pip install nannyml==0.13.1 'pandas<3' 'numpy<2.3' statsmodels
    v/bin/python tests/oracles/multivariate.py

The tables are stored beside the answers, column by column: no random numbers have to agree between languages.
"""

import importlib.metadata
import json
import os
import pathlib
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # NannyML reports to its makers otherwise

import nannyml
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def table(rng, rows, columns, factors, noise=0.5, shift=0.0, scale=1.0):
    """Columns that follow a few common factors, in units of their own."""
    loadings = np.random.default_rng(99).normal(0, 1, (factors, columns))
    units = 10.0 ** np.random.default_rng(98).integers(-1, 3, columns)
    values = rng.normal(0, 1, (rows, factors)) @ loadings + noise * rng.normal(0, 1, (rows, columns))
    values[:, 0] += shift
    return np.round((values * scale + 3.0) * units, 2)


def by_column(values):
    return [column.tolist() for column in values.T]


def pca_cases():
    rng = np.random.default_rng(17)
    turned = table(rng, 60, 6, 2)
    turned[:, 1] = turned[::-1, 1]
    pairs = {
        "alike": (table(rng, 120, 6, 2), table(rng, 60, 6, 2), 0.65),
        "a column turned round in time": (table(rng, 120, 6, 2), turned, 0.65),
        "shifted": (table(rng, 120, 4, 1), table(rng, 60, 4, 1, shift=4.0), 0.65),
        "wider": (table(rng, 120, 5, 3), table(rng, 60, 5, 3, scale=3.0), 0.65),
        "nearly all explained": (table(rng, 80, 8, 3), table(rng, 30, 8, 3), 0.95),
        "a single row": (table(rng, 80, 5, 2), table(rng, 1, 5, 2), 0.65),
        "two columns": (table(rng, 50, 2, 1), table(rng, 50, 2, 1), 0.65),
        "barely more rows than columns": (table(rng, 7, 6, 2), table(rng, 20, 6, 2), 0.65),
    }
    for name, (reference, current, share) in pairs.items():
        names = [f"c{i}" for i in range(reference.shape[1])]
        calculator = nannyml.DataReconstructionDriftCalculator(column_names=names, n_components=share, chunk_number=1)
        calculator.fit(pd.DataFrame(reference, columns=names))
        results = {}
        for label, values in (("reference", reference), ("current", current)):
            mean, deviation = calculator._calculate_dre_results(pd.DataFrame(values, columns=names))
            results[label] = [float(mean), 0.0 if len(values) == 1 else float(deviation)]
        # The public result of one chunk is that mean.
        public = calculator.calculate(pd.DataFrame(current, columns=names)).filter(period="analysis").to_df()
        assert public[("reconstruction_error", "value")].iloc[0] == results["current"][0]
        yield {
            "name": name,
            "share": share,
            "reference": by_column(reference),
            "current": by_column(current),
            "components": int(calculator._pca.n_components_),
            "explained": float(calculator._pca.explained_variance_ratio_.sum()),
            "error_of_reference": results["reference"],
            "error_of_current": results["current"],
        }


def blocks(rows, folds):
    return [range(rows * k // folds, rows * (k + 1) // folds) for k in range(folds)]


def fold_auc(reference, current, fold, folds, penalty):
    asked_before, asked_now = (list(blocks(len(t), folds)[fold]) for t in (reference, current))
    seen = np.vstack([np.delete(reference, asked_before, axis=0), np.delete(current, asked_now, axis=0)])
    labels = np.r_[np.zeros(len(reference) - len(asked_before)), np.ones(len(current) - len(asked_now))]
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    ).fit(seen, labels)
    asked = np.vstack([reference[asked_before], current[asked_now]])
    truth = np.r_[np.zeros(len(asked_before)), np.ones(len(asked_now))]
    return float(roc_auc_score(truth, model.decision_function(asked)))


def classifier_cases():
    rng = np.random.default_rng(23)
    constant = table(rng, 90, 3, 1), table(rng, 70, 3, 1, shift=0.8)
    for values in constant:
        values[:, 2] = 2.5
    coarse = [np.round(values / [1, 1, 10]) for values in (table(rng, 80, 3, 1), table(rng, 80, 3, 1, shift=1.0))]
    cases = {
        "alike": (table(rng, 150, 5, 2), table(rng, 60, 5, 2), 5, 1.0),
        "shifted a little": (table(rng, 150, 5, 2), table(rng, 60, 5, 2, shift=0.7), 5, 1.0),
        "apart": (table(rng, 60, 3, 1), table(rng, 60, 3, 1, shift=9.0), 4, 1.0),
        "a constant column": (*constant, 3, 0.1),
        "tied": (*coarse, 5, 10.0),
        "one column": (table(rng, 41, 1, 1), table(rng, 33, 1, 1, shift=0.5), 2, 1.0),
    }
    for name, (reference, current, folds, penalty) in cases.items():
        areas = [fold_auc(reference, current, fold, folds, penalty) for fold in range(folds)]
        both = StandardScaler().fit_transform(np.vstack([reference, current]))
        labels = np.r_[np.zeros(len(reference)), np.ones(len(current))]
        whole = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(both, labels)
        yield {
            "name": name,
            "reference": by_column(reference),
            "current": by_column(current),
            "folds": folds,
            "penalty": penalty,
            "areas": areas,
            "auc": float(np.mean(areas)),
            "weights": [float(whole.intercept_[0]), *whole.coef_[0].tolist()],
        }


def auc_p_value_cases():
    rng = np.random.default_rng(29)
    for n, m, shift in [(10, 12, 0.0), (40, 25, 0.5), (200, 60, 0.3), (30, 30, -0.6), (8, 8, 4.0)]:
        lower, upper = rng.normal(0, 1, n), rng.normal(shift, 1, m)
        test = stats.mannwhitneyu(upper, lower, alternative="greater", method="asymptotic", use_continuity=False)
        yield {"reference": n, "current": m, "auc": float(test.statistic / (n * m)), "p": float(test.pvalue)}


def accuracy_cases():
    """statsmodels' regression on a constant gives the HAC standard error, scipy Student's distribution; the correction
    for few origins is Harvey, Leybourne and Newbold's equation 9."""
    rng = np.random.default_rng(31)
    for name, n, lags, gain, memory, confidence in [
        ("independent", 40, 0, 0.3, 0.0, 0.95),
        ("four days of a horizon", 120, 3, 0.2, 0.7, 0.95),
        ("no difference", 60, 3, 0.0, 0.5, 0.9),
        ("a worse challenger", 60, 2, -0.8, 0.3, 0.95),
        ("the fewest origins", 8, 1, 0.5, 0.0, 0.95),
        ("nearly as many lags as origins", 12, 10, 0.5, 0.5, 0.8),
        ("a year", 365, 14, 0.1, 0.8, 0.99),
    ]:
        common = [0.0]
        for shock in rng.normal(0, 1, n - 1):
            common.append(memory * common[-1] + shock)
        champion = np.round(6.0 + np.array(common) * 0.8 + rng.uniform(0, 2, n), 2)
        own = [0.0]
        for shock in rng.normal(0, 0.8, n - 1):
            own.append(memory * own[-1] + shock)
        challenger = np.round(champion - gain - np.array(own), 2)
        difference = np.round(champion - challenger, 2)
        fitted = sm.OLS(difference, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
        h = lags + 1
        error = float(fitted.bse[0]) / np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
        mean = float(fitted.params[0])
        statistic = mean / error
        bound = mean - stats.t.ppf(confidence, n - 1) * error
        yield {
            "name": name,
            "champion": champion.tolist(),
            "challenger": challenger.tolist(),
            "lags": lags,
            "confidence": confidence,
            "gain": mean,
            "standard_error": float(error),
            "statistic": float(statistic),
            "relative_gain": float(mean / champion.mean()),
            "relative_gain_at_least": float(bound / champion.mean()),
            "p_better": float(stats.t.sf(statistic, n - 1)),
            "p_different": float(2 * stats.t.sf(abs(statistic), n - 1)),
        }


def main():
    packages = ("nannyml", "scikit-learn", "statsmodels", "scipy", "numpy", "pandas")
    found = {
        "made_with": {name: importlib.metadata.version(name) for name in packages},
        "pca": list(pca_cases()),
        "classifier": list(classifier_cases()),
        "auc_p_value": list(auc_p_value_cases()),
        "accuracy": list(accuracy_cases()),
    }
    lines = [f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in found.items()]
    pathlib.Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
