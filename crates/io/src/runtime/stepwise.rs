//! A replica of a service that is driven by hand: a worker's own rules for a message, without its loop and its waiting.
//!
//! For simulations, which decide themselves what happens when.

use tokio::sync::watch;

use super::delivery::{Desk, Step};
use super::{Edges, Handler, Limits, Shutdown};
use crate::bus::{Handed, Queue, consumed_subjects};

/// A replica of a service, over a broker in memory.
pub struct Stepwise<H> {
    desk: Desk<H>,
    queue: Queue,
    // The desk watches it.
    _give_back: watch::Sender<bool>,
}

/// What has become of a message that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The broker was told: it is done, or comes again, or lies with the dead letters.
    Told,
    /// It is not its turn.
    Waits,
    /// Someone else was first: it is to be looked at again.
    Again,
}

impl<H: Handler> Stepwise<H> {
    /// A replica on these edges; nothing where the broker is a server.
    pub fn new(handler: H, edges: Edges, limits: Limits) -> Option<Self> {
        let subjects = consumed_subjects(H::SERVICE, handler.consumes());
        let queue = edges.bus.queue_in_memory(H::SERVICE, subjects)?;
        let give_back = watch::Sender::new(false);
        let desk = Desk::new(handler, edges, limits, Shutdown::new(), give_back.subscribe());
        Some(Self { desk, queue, _give_back: give_back })
    }

    /// Takes the message at this place of the log in hand; nothing where it cannot be had.
    pub fn take(&self, sequence: u64) -> Option<Handed> {
        self.queue.take(sequence)
    }

    /// Deals with a message as far as it goes.
    pub async fn look(&self, message: &Handed) -> Looked {
        match self.desk.step(message).await {
            Step::Ruled(ruling) => {
                self.desk.answer(message, ruling).await;
                Looked::Told
            }
            Step::Wait(..) => Looked::Waits,
            Step::Again(_) => Looked::Again,
        }
    }
}
