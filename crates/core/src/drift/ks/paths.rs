//! The exact distribution of the two-sample Kolmogorov-Smirnov distance, by counting: every order in which two
//! samples can interleave is a path over a lattice, and the distance is how far it strays from the diagonal.
//!
//! Shares of paths are only ever added and averaged, so that a tiny probability has as many true digits as a large one;
//! one less the share that does not stray would have none.

/// The share of the paths from (0, 0) to (n, m) that stray from the diagonal by at least `distance`.
pub(super) fn share_straying(distance: f64, n: u64, m: u64) -> f64 {
    if n == 0 || m == 0 || distance.is_nan() {
        return 1.0;
    }
    let common = divisor(n, m);
    let steps = n / common * m;
    // The distance of two samples is a whole number of these steps, whatever rounding made of it.
    let reach = (distance * steps as f64).round_ties_even() as u64;
    if reach == 0 {
        return 1.0;
    }
    let share = if n == m { of_equal(n, reach) } else { of_unequal(n.max(m), n.min(m), common, reach) };
    share.clamp(0.0, 1.0)
}

/// Samples of the same size n: 2 (C(2n, n-h) - C(2n, n-2h) + …) / C(2n, n) by reflection (Gnedenko and Korolyuk
/// 1951), as products of ratios from the innermost out.
fn of_equal(n: u64, reach: u64) -> f64 {
    let (size, reach_real) = (n as f64, reach as f64);
    let mut share = 0.0;
    for k in (0..=n / reach).rev() {
        let before = k as f64 * reach_real;
        let ratio = |j: u64| (size - before - j as f64, size + before + j as f64 + 1.0);
        let product = (0..reach).map(ratio).fold(1.0, |product, (above, below)| above * product / below);
        share = product * (1.0 - share);
    }
    2.0 * share
}

/// Samples of different sizes, column by column: a path to (i, j) comes from (i-1, j) in i of i+j cases and from (i,
/// j-1) in the others, and outside of the band all have strayed (Hodges 1958, Viehmann 2021).
fn of_unequal(long: u64, short: u64, common: u64, reach: u64) -> f64 {
    let (long_step, short_step) = ((long / common) as i64, (short / common) as i64);
    let (reach, last) = (reach as i64, short as i64);
    // One division per diagonal instead of one per point.
    let inverse: Vec<f64> = (0..=long + short).map(|steps| 1.0 / steps as f64).collect();
    let mut strayed = vec![1.0; short as usize + 1];
    let inside = ceil(reach, long_step).min(last + 1);
    strayed[..inside as usize].fill(0.0);
    for i in 1..=long as i64 {
        let bottom = ((short_step * i - reach).div_euclid(long_step) + 1).clamp(0, last);
        let top = ceil(short_step * i + reach, long_step).min(last + 1);
        if top <= bottom {
            return 1.0;
        }
        let mut below = if bottom == 0 { 0.0 } else { 1.0 };
        let column = i as f64;
        let band = bottom as usize..top as usize;
        for (j, (point, inverse)) in band.clone().zip(strayed[band].iter_mut().zip(&inverse[(i + bottom) as usize..])) {
            below = (*point * column + below * j as f64) * inverse;
            *point = below;
        }
        // What the band leaves behind is outside from now on, and never looked at again.
    }
    strayed[short as usize]
}

/// The quotient of a whole number and a positive one, rounded up.
fn ceil(number: i64, by: i64) -> i64 {
    -(-number).div_euclid(by)
}

/// The greatest number that divides both.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-14 * expected, "{found:e} instead of {expected:e}");
    }

    #[test]
    fn samples_apart_are_two_orders_of_all() {
        // All of one before all of the other: 2 of C(5, 2) = 10, and of C(6, 3) = 20.
        check(share_straying(1.0, 3, 2), 0.2);
        check(share_straying(1.0, 3, 3), 0.1);
    }

    #[test]
    fn two_values_against_one_stray_by_a_half_in_every_order() {
        // abx: 1; axb: ½; xab: 1.
        check(share_straying(0.5, 2, 1), 1.0);
        check(share_straying(1.0, 2, 1), 2.0 / 3.0);
    }

    #[test]
    fn the_tail_keeps_its_digits_however_thin_it_is() {
        // All of 300 before all of 200: 2 / C(500, 200), the product of its ratios taken here.
        let expected = (1..=200).fold(2.0, |share, i| share * f64::from(i) / f64::from(300 + i));
        assert!(expected < 1e-140);
        assert!((share_straying(1.0, 300, 200) / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn every_order_of_seven_values_is_counted() {
        // All 35 orders of 4 and 3, laid out: bits of a number below 128 with four ones.
        for twelfths in 1..=12_u32 {
            let distance = f64::from(twelfths) / 12.0;
            let orders: Vec<u32> = (0..128_u32).filter(|order| order.count_ones() == 4).collect();
            let strays = |order: &&u32| {
                let (mut x, mut y) = (0_i32, 0_i32);
                (0..7).any(|bit| {
                    if *order >> bit & 1 == 1 {
                        x += 1
                    } else {
                        y += 1
                    }
                    (3 * x - 4 * y).unsigned_abs() >= twelfths
                })
            };
            let straying = orders.iter().filter(strays).count();
            check(share_straying(distance, 4, 3), straying as f64 / orders.len() as f64);
        }
    }
}
