//! What happens by chance in a simulation, all of it from one seed.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aria_io::bus::memory::{Befalls, Fate, Operation, Unanswered};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Dice that everything in one simulation shares.
#[derive(Clone, Debug)]
pub(super) struct Chance(Arc<Mutex<Dice>>);

#[derive(Debug)]
struct Dice {
    rolls: ChaCha8Rng,
    /// Failures that may still happen.
    failures: u32,
    happened: Failures,
}

/// Failures that happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Requests to the broker that never arrived.
    pub lost: u64,
    /// Requests to the broker that were carried out, and the answer got lost.
    pub unanswered: u64,
    /// Requests to the store that failed, before or after they were carried out.
    pub store: u64,
    /// Bodies that arrived with a wrong byte or cut short.
    pub spoilt: u64,
}

/// A failure of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Lost,
    Unanswered,
    Store,
    Spoilt,
}

/// One request of the broker in this many fails in either way, of the store too.
const FAILS: u64 = 60;

impl Chance {
    /// Dice of a seed with this many failures up their sleeve.
    pub(super) fn of(seed: u64, failures: u32) -> Self {
        let rolls = ChaCha8Rng::seed_from_u64(seed);
        Self(Arc::new(Mutex::new(Dice { rolls, failures, happened: Failures::default() })))
    }

    /// A number below `sides`, which is not 0.
    pub(super) fn below(&self, sides: usize) -> usize {
        let roll = self.with(|dice| dice.rolls.next_u64());
        usize::try_from(roll % sides.max(1) as u64).unwrap_or(0)
    }

    /// Whether something happens that does once in so many times.
    pub(super) fn once_in(&self, times: u64) -> bool {
        self.with(|dice| dice.rolls.next_u64().is_multiple_of(times.max(1)))
    }

    /// Whether a request fails now.
    pub(super) fn fails(&self, failure: Failure) -> bool {
        if !self.once_in(FAILS) {
            return false;
        }
        self.with(|dice| {
            let Some(left) = dice.failures.checked_sub(1) else { return false };
            dice.failures = left;
            match failure {
                Failure::Lost => dice.happened.lost += 1,
                Failure::Unanswered => dice.happened.unanswered += 1,
                Failure::Store => dice.happened.store += 1,
                Failure::Spoilt => dice.happened.spoilt += 1,
            }
            true
        })
    }

    /// From now on nothing fails.
    pub(super) fn no_more_failures(&self) {
        self.with(|dice| dice.failures = 0);
    }

    pub(super) fn happened(&self) -> Failures {
        self.with(|dice| dice.happened)
    }

    fn with<T>(&self, with: impl FnOnce(&mut Dice) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Fate for Chance {
    fn before(&self, _: Operation, _: &str) -> Befalls {
        let fails = self.fails(Failure::Lost);
        Box::pin(befalls(fails))
    }

    fn after(&self, operation: Operation, _: &str) -> Befalls {
        // Of a reading, a lost answer is as good as a lost question.
        let fails = operation != Operation::Read && self.fails(Failure::Unanswered);
        Box::pin(befalls(fails))
    }
}

async fn befalls(fails: bool) -> Result<(), Unanswered> {
    others_first().await;
    if fails { Err(Unanswered) } else { Ok(()) }
}

/// Lets others go first: a point at which the process may be killed.
pub(super) async fn others_first() {
    Once(false).await;
}

/// Is not ready the first time it is asked.
struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
