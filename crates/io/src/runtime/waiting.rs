//! Where messages wait in this process for their turn: in line, the oldest of a series' fact in front.
//!
//! A message that is handed back to the broker comes again after a fixed time, in any order; a backlog of a series
//! would mostly find that it is not its turn. In line only the front looks, and at once when the series has moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aria_core::series::SeriesId;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::backoff;

/// Seats in one process, over all series: what waits here is kept alive at the broker and held in memory.
const SEATS: usize = 4_096;
/// Messages of one series and fact that wait here; who has more before it is handed back to the broker.
pub(super) const NEAR: u64 = 256;
/// How long one who is not in front waits before it looks all the same: the order of the log is the order of turns
/// unless a dead letter was handed in again.
const BEHIND: Duration = Duration::from_secs(15);

/// The lines of all series.
#[derive(Debug, Default)]
pub(super) struct Room {
    series: Mutex<BTreeMap<SeriesId, Lines>>,
    tickets: AtomicU64,
}

/// The place in the log, then a number of its own: a broker that was away hands out again what waits here already.
type Ticket = (u64, u64);

/// The lines of one series.
#[derive(Debug)]
struct Lines {
    waiting: BTreeMap<&'static str, BTreeSet<Ticket>>,
    moved: watch::Sender<()>,
}

/// Where one stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Front,
    Behind,
}

/// A place in line; leaving it lets the next one look.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    series: SeriesId,
    fact: &'static str,
    ticket: Ticket,
    moved: watch::Receiver<()>,
}

impl Room {
    /// A place in line for the message at this place of the log; none where all are taken.
    pub(super) fn sit(self: &Arc<Self>, series: &SeriesId, fact: &'static str, sequence: u64) -> Option<Seat> {
        let ticket = (sequence, self.tickets.fetch_add(1, Ordering::Relaxed));
        let mut all = self.open();
        let taken: usize = all.values().flat_map(|lines| lines.waiting.values()).map(BTreeSet::len).sum();
        if taken >= SEATS {
            return None;
        }
        let lines = all.entry(series.clone()).or_insert_with(Lines::empty);
        lines.waiting.entry(fact).or_default().insert(ticket);
        let moved = lines.moved.subscribe();
        Some(Seat { room: Arc::clone(self), series: series.clone(), fact, ticket, moved })
    }

    /// Lets those in front look: something of the series was dealt with.
    pub(super) fn moved(&self, series: &SeriesId) {
        if let Some(lines) = self.open().get(series) {
            lines.moved.send_replace(());
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<SeriesId, Lines>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn empty() -> Self {
        Self { waiting: BTreeMap::new(), moved: watch::Sender::new(()) }
    }
}

impl Seat {
    /// Waits until it is worth looking: the series moved and this is the front of the line, or time has passed, which
    /// is what tells of another replica's work. `looks` is how often it looked in vain at the same state.
    pub(super) async fn called(&mut self, looks: u64) {
        let since = Instant::now();
        loop {
            match timeout_at(since + patience(self.standing(), looks), self.moved.changed()).await {
                Ok(Ok(())) if self.standing() == Standing::Front => return,
                Ok(Ok(())) => {}
                // The sender lives as long as anyone sits in line, and this one does.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    fn standing(&self) -> Standing {
        let all = self.room.open();
        let line = all.get(&self.series).and_then(|lines| lines.waiting.get(self.fact));
        if line.and_then(BTreeSet::first) == Some(&self.ticket) { Standing::Front } else { Standing::Behind }
    }
}

/// How long one waits though nothing moves.
fn patience(standing: Standing, looks: u64) -> Duration {
    match standing {
        Standing::Front => backoff::until_due(looks),
        Standing::Behind => BEHIND,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.room.open();
        let Some(lines) = all.get_mut(&self.series) else { return };
        if let Some(line) = lines.waiting.get_mut(self.fact) {
            line.remove(&self.ticket);
        }
        lines.waiting.retain(|_, line| !line.is_empty());
        lines.moved.send_replace(());
        if lines.waiting.is_empty() {
            all.remove(&self.series);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const FACT: &str = "batch.accepted";

    fn series(name: &str) -> SeriesId {
        name.parse().unwrap()
    }

    fn sit(room: &Arc<Room>, sequence: u64) -> Seat {
        room.sit(&series("it.ci_direct"), FACT, sequence).unwrap()
    }

    #[tokio::test]
    async fn only_the_front_of_the_line_looks_when_the_series_moves() {
        let room = Arc::<Room>::default();
        let (mut second, mut first) = (sit(&room, 9), sit(&room, 4));
        room.moved(&series("it.ci_direct"));
        assert!(first.called(100).now_or_never().is_some());
        assert!(second.called(100).now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_leaves_calls_the_next_one_at_once() {
        let room = Arc::<Room>::default();
        let (first, mut second) = (sit(&room, 4), sit(&room, 9));
        assert!(second.called(100).now_or_never().is_none());
        drop(first);
        assert!(second.called(100).now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_front_looks_after_a_while_though_nothing_moved_here() {
        let room = Arc::<Room>::default();
        let mut front = sit(&room, 4);
        assert!(front.called(1).now_or_never().is_none());
        tokio::time::timeout(BEHIND, front.called(1)).await.unwrap();
    }

    #[tokio::test]
    async fn the_same_message_twice_waits_twice_and_one_that_leaves_takes_no_other_s_place() {
        let room = Arc::<Room>::default();
        let (first, mut again) = (sit(&room, 4), sit(&room, 4));
        drop(first);
        assert!(again.called(100).now_or_never().is_some());
        assert!(again.called(100).now_or_never().is_none());
        room.moved(&series("it.ci_direct"));
        assert!(again.called(100).now_or_never().is_some());
    }

    #[test]
    fn the_front_looks_more_and_more_seldom_and_who_is_behind_now_and_then_all_the_same() {
        let waits = [(Standing::Front, 1), (Standing::Front, 2), (Standing::Front, 1_000), (Standing::Behind, 1)];
        let waits = waits.map(|(standing, looks)| patience(standing, looks));
        assert_eq!(waits.map(|wait| wait.as_millis()), [20, 40, 2_000, 15_000]);
    }

    #[tokio::test]
    async fn another_series_or_another_fact_has_a_line_of_its_own() {
        let room = Arc::<Room>::default();
        let mut accepted = sit(&room, 9);
        let mut issued = room.sit(&series("it.ci_direct"), "forecast.issued", 4).unwrap();
        let mut french = room.sit(&series("fr.ci_direct"), FACT, 1).unwrap();
        room.moved(&series("it.ci_direct"));
        assert!(accepted.called(100).now_or_never().is_some());
        assert!(issued.called(100).now_or_never().is_some());
        assert!(french.called(100).now_or_never().is_none());
    }

    #[test]
    fn who_finds_all_seats_taken_is_sent_away() {
        let room = Arc::<Room>::default();
        let it = series("it.ci_direct");
        let taken: Vec<_> = (0..SEATS as u64).map(|sequence| sit(&room, sequence)).collect();
        assert!(room.sit(&it, FACT, 5_000).is_none());
        drop(taken);
        assert!(room.sit(&it, FACT, 5_000).is_some());
    }

    #[test]
    fn a_series_nobody_waits_for_takes_no_memory() {
        let room = Arc::<Room>::default();
        drop(sit(&room, 1));
        assert!(room.open().is_empty());
    }
}
