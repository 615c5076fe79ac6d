"""Makes streams.json: what river, online-cp, scipy and textbook formulas say of small streams.

    python -m venv v && v/bin/pip install river==0.23.0 scipy==1.14.1 numpy==2.1.3 online-cp==0.4.0 matplotlib
    v/bin/python tests/oracles/streams.py

The streams are stored beside the answers: no random numbers have to agree between languages. Of long streams the states
are stored at every 40th value, and the sums of all of them, so that a single state that differs is seen.
"""

import importlib.metadata
import json
import math
import pathlib
import random

import numpy as np
from online_cp.martingale import CUSUMWrapper, SimpleJumper
from river import drift

EVERY = 40
ALPHABET = 35  # an index is stored as the character of this code plus the index


def streams():
    rng = random.Random(12345)
    docs = rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    rng = np.random.default_rng(5)
    noise = [0.0]
    for shock in rng.normal(0, math.sqrt(1 - 0.9**2), 2999):
        noise.append(0.9 * noise[-1] + shock)
    return {
        "docs": docs,
        "one value": [0.7],
        "constant": [3.5] * 300,
        "constants that jump": [0.1] * 150 + [1.1] * 150 + [0.1] * 150,
        "up": [round(v, 2) for v in np.r_[rng.normal(0, 1, 300), rng.normal(2, 1, 300)]],
        "down": [round(v, 2) for v in np.r_[rng.normal(0, 1, 300), rng.normal(-1.5, 1, 300)]],
        "ramp": [round(v, 2) for v in rng.normal(0, 1, 800) + np.r_[np.zeros(400), np.linspace(0, 4, 400)]],
        "wider": [round(v, 2) for v in np.r_[rng.normal(0, 1, 300), rng.normal(0, 4, 300)]],
        "autoregression": [round(v, 2) for v in noise],
        "far from zero": [round(1e6 + v, 2) for v in rng.normal(0, 1, 300)] + [1e6 + 3.0] * 100,
    }


def track(values, step, names):
    """The places of detections, and states: every EVERY-th, the last, and sums over all."""
    detections, states, sums = [], [], [0.0] * len(names)
    for place, value in enumerate(values):
        detected, state = step(value)
        if detected:
            detections.append(place)
        sums = [a + b for a, b in zip(sums, state)]
        if place % EVERY == 0 or place == len(values) - 1:
            states.append([place, *state])
    return {"detections": detections, "states": states, "sums": sums}


def adwin_cases(data):
    settings = [
        ("docs", 1, {}),
        ("one value", 1, {}),
        ("constant", 1, {}),
        ("constants that jump", 1, {}),
        ("up", 1, {}),
        ("up", 100, {}),
        ("down", 1, {}),
        ("ramp", 1, {}),
        ("wider", 1, {}),
        ("autoregression", 1, {}),
        ("far from zero", 1, {}),
        ("down", 1, {"delta": 0.3, "clock": 1, "max_buckets": 2, "min_window_length": 1, "grace_period": 0}),
        ("autoregression", 1, {"delta": 0.05, "clock": 7, "max_buckets": 3, "min_window_length": 20}),
    ]
    for name, scale, given in settings:
        adwin = drift.ADWIN(**given)

        def step(value):
            adwin.update(value)
            return adwin.drift_detected, [float(adwin.width), adwin.variance, adwin.estimation]

        full = {"delta": 0.002, "clock": 32, "max_buckets": 5, "min_window_length": 5, "grace_period": 10} | given
        found = track([v * scale for v in data[name]], step, ["width", "variance", "estimation"])
        yield {"stream": name, "scale": scale, "settings": full, **found}


def page_hinkley_cases(data):
    settings = [(name, scale, {}) for name, scale in [(n, 1) for n in data] + [("up", 100)]]
    settings += [(name, 1, {"mode": mode, "threshold": 10.0, "delta": 0.1}) for mode in ("up", "down") for name in ("up", "down")]
    settings += [("autoregression", 1, {"min_instances": 5, "alpha": 1.0, "threshold": 20.0})]
    for name, scale, given in settings:
        test = drift.PageHinkley(**given)

        def step(value):
            test.update(value)
            rise = test._sum_increase - test._min_increase
            fall = test._max_decrease - test._sum_decrease
            statistic = {"both": max(rise, fall), "up": rise, "down": fall}[test.mode]
            return test.drift_detected, [statistic]

        full = {"min_instances": 30, "delta": 0.005, "threshold": 50.0, "alpha": 1 - 0.0001, "mode": "both"} | given
        yield {"stream": name, "scale": scale, "settings": full, **track([v * scale for v in data[name]], step, ["statistic"])}


def cusum_cases(data):
    """The tabular CUSUM without its recursion: each sum is the greatest of the sums over the last values since the last
    signal, max(0, max_j sum_{i>=j} (x_i - target - k)), which is what the recursion adds up to."""
    for name, target, k, h in [
        ("up", 0.0, 0.5, 5.0),
        ("down", 0.0, 0.5, 5.0),
        ("ramp", 0.2, 0.25, 8.0),
        ("autoregression", 0.0, 0.5, 5.0),
        ("constant", 3.0, 0.5, 4.0),
        ("constants that jump", 0.1, 0.0, 20.0),
        ("one value", 0.0, 0.5, 5.0),
    ]:
        values, detections, states, begin = data[name], [], [], 0
        for place in range(len(values)):
            tail = np.array(values[begin : place + 1], dtype=float)[::-1]
            above = max(0.0, np.cumsum(tail - target - k).max())
            below = max(0.0, np.cumsum(target - k - tail).max())
            if max(above, below) > h:
                detections.append(place)
                begin, above, below = place + 1, 0.0, 0.0
            states.append([above, below])
        kept = [[p, *s] for p, s in enumerate(states) if p % EVERY == 0 or p == len(states) - 1]
        sums = np.array(states).sum(axis=0).tolist()
        settings = {"target": target, "k": k, "h": h}
        yield {"stream": name, "settings": settings, "detections": detections, "states": kept, "sums": sums}


class Recording(random.Random):
    """Python's generator, noting what it samples."""

    def __init__(self, seed, drawn):
        super().__init__(seed)
        self.drawn, self.number = drawn, 0

    def sample(self, population, k, **rest):
        found = super().sample(population, k, **rest)
        if self.number == len(self.drawn):
            self.drawn.append(list(found))
        # River seeds anew after a detection: the draws begin again.
        assert self.drawn[self.number] == list(found)
        self.number += 1
        return found


class Recorded(drift.KSWIN):
    """River's own KSWIN, its samples noted."""

    def __init__(self, drawn, **given):
        self.drawn = drawn
        super().__init__(**given)

    def _reset(self):
        super()._reset()
        self._rng = Recording(self.seed, self.drawn)


def kswin_cases(data):
    default = {"alpha": 0.005, "window_size": 100, "stat_size": 30, "seed": 42}
    draws = {}
    cases = []
    for name, given in [
        ("docs", {"alpha": 0.0001}),
        ("one value", {}),
        ("constant", {}),
        ("constants that jump", {}),
        ("up", {}),
        ("down", {}),
        ("wider", {}),
        ("autoregression", {}),
        ("ramp", {"alpha": 0.05, "window_size": 50, "stat_size": 20, "seed": 7}),
        ("up", {"alpha": 0.9, "window_size": 50, "stat_size": 20, "seed": 7}),
    ]:
        full = default | given
        key = f"{full['window_size']} {full['stat_size']} {full['seed']}"
        test, plain, p_values = Recorded(draws.setdefault(key, []), **full), drift.KSWIN(**full), []

        def step(value):
            test.update(value)
            plain.update(value)
            assert (test.drift_detected, test.p_value) == (plain.drift_detected, plain.p_value)
            if test.drift_detected:
                p_values.append(test.p_value)
            return test.drift_detected, []

        found = track(data[name], step, [])
        settings = {"alpha": full["alpha"], "window": full["window_size"], "newest": full["stat_size"]}
        cases.append(
            {"stream": name, "settings": settings, "draws": key, "detections": found["detections"], "p_values": p_values}
        )
    packed = {key: ["".join(chr(ALPHABET + i) for i in row) for row in rows] for key, rows in draws.items()}
    return packed, cases


def martingale_cases():
    rng = np.random.default_rng(11)
    p_streams = {
        "even": rng.uniform(0, 1, 300),
        "even, then small": np.r_[rng.uniform(0, 1, 150), rng.beta(0.4, 1.5, 150)],
        "even, then large": np.r_[rng.uniform(0, 1, 150), rng.beta(2, 0.7, 150)],
        "ends": np.r_[np.zeros(40), np.ones(40)],
        "halves": np.full(50, 0.5),
    }
    for name, p_values in p_streams.items():
        p_values = [round(float(p), 3) for p in p_values]
        for rate in (0.01, 0.1, 1.0) if name == "even, then small" else (0.01,):
            jumper, cusum = SimpleJumper(J=rate), CUSUMWrapper(SimpleJumper(J=rate))
            log_capital, log_growth = [], []
            for p in p_values:
                jumper.update(p)
                cusum.update(p)
                log_capital.append(float(jumper.logM))
                log_growth.append(float(cusum.log_gamma))
            # Alarms with a fresh start after each.
            alarms, fresh = [], CUSUMWrapper(SimpleJumper(J=rate))
            for place, p in enumerate(p_values):
                fresh.update(p)
                if fresh.alarm(20.0):
                    alarms.append(place)
                    fresh = CUSUMWrapper(SimpleJumper(J=rate))
            keep = [i for i in range(len(p_values)) if i % 10 == 0 or i == len(p_values) - 1]
            yield {
                "name": name,
                "rate": rate,
                "p_values": p_values,
                "log_capital": [[i, log_capital[i]] for i in keep],
                "log_growth": [[i, log_growth[i]] for i in keep],
                "threshold": 20.0,
                "alarms": alarms,
            }


def p_value_cases():
    """The formula of the book (section 2.2.4) by numpy: (#{above} + tau #{equal, itself among them}) / n."""
    rng = np.random.default_rng(3)
    for size, decimals in [(1, 1), (5, 0), (40, 1), (40, 0), (100, 3)]:
        scores = np.round(rng.normal(0, 1, size), decimals) + 0.0
        for tau in (0.0, 0.37, 1.0):
            last = scores[-1]
            expected = ((scores > last).sum() + tau * (scores == last).sum()) / size
            yield {"past": scores[:-1].tolist(), "score": float(last), "tau": tau, "expected": float(expected)}


def main():
    data = streams()
    draws, kswin = kswin_cases(data)
    table = {
        "made_with": {name: importlib.metadata.version(name) for name in ("river", "scipy", "numpy", "online-cp")},
        "streams": data,
        "adwin": list(adwin_cases(data)),
        "page_hinkley": list(page_hinkley_cases(data)),
        "cusum": list(cusum_cases(data)),
        "kswin_draws": draws,
        "kswin": kswin,
        "martingale": list(martingale_cases()),
        "p_value": list(p_value_cases()),
    }
    # What river's own documentation says of its stream.
    first = {name: table[name][0]["detections"] for name in ("adwin", "page_hinkley", "kswin")}
    assert first == {"adwin": [1023], "page_hinkley": [1006], "kswin": [1016]}, first
    lines = [f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in table.items()]
    pathlib.Path(__file__).with_suffix(".json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
