//! The noise of the simulated grid: weather that lasts for days, hours that follow each other, seeded.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Lag-1 coefficient and standard deviation of an autoregression of order one.
struct Memory {
    coefficient: f64,
    deviation: f64,
    state: f64,
}

impl Memory {
    /// Starts at the stationary distribution, so that the first days are like the rest.
    fn new(coefficient: f64, deviation: f64, draws: &mut Draws) -> Self {
        Self { coefficient, deviation, state: deviation * draws.normal() }
    }

    fn step(&mut self, draws: &mut Draws) -> f64 {
        let fresh = self.deviation * (1.0 - self.coefficient * self.coefficient).sqrt();
        self.state = self.coefficient * self.state + fresh * draws.normal();
        self.state
    }
}

/// The noise of one hour.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// Of direct intensity, as a share of its mean.
    pub intensity: f64,
    /// Of life-cycle intensity beyond what direct intensity explains, gCO2eq/kWh.
    pub lifecycle: f64,
    /// Of the carbon-free share beyond what direct intensity explains, points.
    pub carbon_free: f64,
    /// Of the carbon-free share that is not renewable, points.
    pub other_carbon_free: f64,
}

/// The noise, hour by hour.
pub struct Noise {
    draws: Draws,
    weather: Memory,
    hourly: Memory,
    lifecycle: Memory,
    carbon_free: Memory,
    other_carbon_free: Memory,
}

impl Noise {
    /// The noise that `draws` gives.
    pub fn new(mut draws: Draws) -> Self {
        let d = &mut draws;
        // What is left of Italy's hours after the mean of month, hour and kind of day has autocorrelation 0.97 at one
        // hour, 0.58 at one day and 0.37 at two: weather that fades by half in 33 hours, and a faster part.
        let weather = Memory::new((-1.0 / 47.0_f64).exp(), 0.09, d);
        let hourly = Memory::new(0.85, 0.03, d);
        let lifecycle = Memory::new(0.95, 3.1, d);
        let carbon_free = Memory::new(0.95, 2.2, d);
        let other_carbon_free = Memory::new(0.97, 2.9, d);
        Self { draws, weather, hourly, lifecycle, carbon_free, other_carbon_free }
    }

    /// The noise of the next hour.
    pub fn step(&mut self) -> Draw {
        let d = &mut self.draws;
        Draw {
            intensity: self.weather.step(d) + self.hourly.step(d),
            lifecycle: self.lifecycle.step(d),
            carbon_free: self.carbon_free.step(d),
            other_carbon_free: self.other_carbon_free.step(d),
        }
    }
}

/// Standard normal draws from a seed.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The draws of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Box and Muller's transform (1958); its second value is left, so that a draw always takes two numbers.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Evenly over (0, 1], in steps of 2^-53.
    fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}
