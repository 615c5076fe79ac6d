"""The direct ridge regression of `aria backtest --candidates ridge --retrain 30d`, in numpy and scikit-learn.

usage: refit.py HISTORY.csv COLUMN FROM TO

The same lags, calendar, starting guess and weights, fitted once at each refit instead of at seven cuts, and without
intervals. Prints one JSON object: seconds from the first row read to the last forecast, refits, and MAPE by year.
"""
import datetime as dt, json, sys, time
import numpy as np, pandas as pd
from sklearn.linear_model import Ridge

LAGS = list(range(1, 97)) + [120, 144, 165, 166, 167, 168, 169, 170, 192, 336, 504, 672]
HORIZON, PENALTY, HALF_LIFE_DAYS, SHARE, REFIT_DAYS = 96, 10.0, 365.0, 0.3, 30


def easter(year):
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    j, k = divmod(c, 4)
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * j - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return dt.date(year, month, (h - m + r + month + 19) % 32)


def holidays(years):
    fixed = [(1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26)]
    return {dt.date(y, m, d) for y in years for m, d in fixed} | {easter(y) + dt.timedelta(days=1) for y in years}


def calendar(times):
    local = times.tz_convert("Europe/Rome")
    free = holidays(range(local[0].year - 1, local[-1].year + 2))
    waves = lambda share, count: [f(2 * np.pi * k * share) for k in range(1, count + 1) for f in (np.cos, np.sin)]
    day = waves((local.hour / 24).to_numpy(), 8)
    dates = np.array(local.date)
    near = lambda days: np.array([d + dt.timedelta(days=days) in free for d in dates])
    kind = np.where(near(0), 6, local.day_of_week)
    columns = [np.ones(len(times))] + day
    for wanted in (0, 1, 3, 4, 5, 6):
        is_it = (kind == wanted).astype(float)
        columns += [is_it] + [is_it * wave for wave in day[:8]]
    end_of_year = [(d.month == 12 and d.day >= 24) or (d.month == 1 and d.day <= 6) for d in dates]
    columns += [np.array(special, float) for special in (near(0), near(-1), near(1), near(-7), end_of_year)]
    for wave in waves((local.day_of_year - 1).to_numpy() / np.where(local.is_leap_year, 366, 365), 2):
        columns += [wave] + [wave * shape for shape in day[:8]]
    return np.column_stack(columns)


def main():
    path, column, first, last = sys.argv[1:5]
    begun = time.perf_counter()
    table = pd.read_csv(path, usecols=["timestamp_utc", column])
    times = pd.DatetimeIndex(pd.to_datetime(table.timestamp_utc, utc=True))
    values = table[column].to_numpy(float)
    hour = lambda day: int((pd.Timestamp(day, tz="UTC") - times[0]) / pd.Timedelta(hours=1))
    described = calendar(pd.date_range(times[0], periods=len(values) + HORIZON, freq="h"))
    origins = np.arange(hour(first), hour(last) + 1, 24)
    forecasts = np.zeros((len(origins), HORIZON))
    rows = np.arange(672, len(values) + 1)
    seen = np.column_stack([values[rows - lag] for lag in LAGS])
    sums = np.concatenate([[0.0], np.cumsum(values)])
    level = (sums[rows] - sums[rows - 24]) / 24
    usual = np.mean([(sums[rows - 168 * w] - sums[rows - 168 * w - 24]) / 24 for w in range(4)], axis=0)
    places = list(range(0, len(origins), REFIT_DAYS))
    for place in places:
        cut, served = origins[place], origins[place : place + REFIT_DAYS]
        spread = values[:cut].std()
        for step in range(HORIZON):
            # The same step of the four weeks before the origin; steps beyond a week repeat it.
            shape = lambda o: np.mean([values[o + step % 168 - 168 * w] for w in range(1, 5)], axis=0)
            train = rows[rows + step < cut]
            of = train - 672
            guess = level[of] + SHARE * (shape(train) - usual[of])
            apart = np.minimum((train - cut) % 24, (cut - train) % 24)
            weight = 0.5 ** ((cut - train) / 24 / HALF_LIFE_DAYS) * (0.1 + 0.9 * np.exp(-((apart / 3.0) ** 2)))
            features = np.hstack([seen[of] / spread, described[train + step]])
            model = Ridge(alpha=PENALTY, fit_intercept=False)
            model.fit(features, (values[train + step] - guess) / spread, sample_weight=weight)
            now = served - 672
            features = np.hstack([seen[now] / spread, described[served + step]])
            shaped = level[now] + SHARE * (shape(served) - usual[now])
            forecasts[place : place + len(served), step] = model.predict(features) * spread + shaped
    seconds = time.perf_counter() - begun
    whole = origins + HORIZON <= len(values)
    actual = np.array([values[o : o + HORIZON] for o in origins[whole]])
    error = 100 * np.abs(forecasts[whole] - actual) / actual
    years = times[origins[whole]].year
    errors = {str(y): [round(error[years == y, :24].mean(), 2), round(error[years == y].mean(), 2)] for y in set(years)}
    print(json.dumps({"seconds": round(seconds, 1), "refits": len(places), "mape_day1_and_all": errors}))


if __name__ == "__main__":
    main()
