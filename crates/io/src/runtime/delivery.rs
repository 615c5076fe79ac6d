//! One delivery from the broker's hand back into it: handled, published, acknowledged, or tried again, or buried.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aria_core::outbox::Outbox;
use metrics::{counter, gauge, histogram};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, interval_at};
use tracing::{Instrument, Span, debug, error, field, info_span, warn};

use super::clock::{apart, rest};
use super::ledger::Ledger;
use super::waiting::{NEAR, Room, Seat};
use super::{Delivery, Edges, Failure, FailureKind, Handler, Limits, Outcome, Shutdown, Wait, backoff, chain};
use crate::bus::{BusError, Handed, Parts, is_past, parts, trace::TraceContext};

/// Where the deliveries of one service are dealt with.
pub(super) struct Desk<H> {
    handler: std::sync::Arc<H>,
    edges: Edges,
    limits: Limits,
    /// Milliseconds between two signs of life.
    sign_of_life: AtomicU64,
    ledger: Ledger,
    room: std::sync::Arc<Room>,
    /// As many hands again, for those that waited for their turn: the first ones may all be asking for messages.
    second_hands: Semaphore,
    shutdown: Shutdown,
    give_back: watch::Receiver<bool>,
}

/// What the broker is told.
pub(super) enum Ruling {
    /// It is done.
    Done,
    /// It is far from its turn; again after this long.
    Postpone(Duration),
    /// It failed; again after this long.
    Retry(Duration),
    /// It lies with the dead letters.
    Buried,
    /// This process leaves; someone else is to take it.
    GiveBack,
}

/// Where a message has come to.
pub(super) enum Step {
    /// The broker can be told.
    Ruled(Ruling),
    /// It is not its turn: it waits in line.
    Wait(Box<Delivery>, Wait),
    /// Someone else was first: it looks again in a moment.
    Again(String),
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Ruled(Ruling::Done) => "done",
            Self::Ruled(Ruling::Postpone(_)) => "postponed",
            Self::Ruled(Ruling::Retry(_)) => "retried",
            Self::Ruled(Ruling::Buried) => "dead_letter",
            Self::Ruled(Ruling::GiveBack) => "given_back",
            Self::Wait(..) => "waits",
            Self::Again(_) => "contended",
        }
    }
}

/// How a message has waited so far.
#[derive(Default)]
struct Patience {
    seat: Option<Seat>,
    /// What it waited for last.
    reason: String,
    /// How often it looked in vain while it waited for that.
    looks: u64,
}

impl Patience {
    fn look(&mut self, reason: String) {
        self.looks = if self.reason == reason { self.looks.saturating_add(1) } else { 1 };
        self.reason = reason;
    }
}

impl<H: Handler> Desk<H> {
    pub(super) fn new(
        handler: H,
        edges: Edges,
        limits: Limits,
        shutdown: Shutdown,
        give_back: watch::Receiver<bool>,
    ) -> Self {
        let desk = Self {
            handler: std::sync::Arc::new(handler),
            edges,
            limits,
            sign_of_life: AtomicU64::new(0),
            ledger: Ledger::default(),
            room: std::sync::Arc::default(),
            second_hands: Semaphore::new(limits.concurrency.max(1)),
            shutdown,
            give_back,
        };
        desk.keep_alive_within(limits.ack_wait);
        desk
    }

    /// Gives a sign of life three times in what the consumer really waits.
    pub(super) fn keep_alive_within(&self, ack_wait: Duration) {
        let third = u64::try_from(ack_wait.as_millis() / 3).unwrap_or(u64::MAX);
        self.sign_of_life.store(third.max(1), Ordering::Relaxed);
    }

    /// Deals with one message, whatever it is. The hand is free again once it is dealt with or has to wait.
    pub(super) async fn deal_with(&self, message: Handed, hand: OwnedSemaphorePermit) {
        let span = info_span!(
            "delivery",
            service = H::SERVICE,
            subject = message.subject,
            sequence = message.sequence,
            event_id = field::Empty,
            cause = field::Empty,
            trace_id = field::Empty,
            attempt = field::Empty,
        );
        async {
            let ruling = self.alive(&message, self.see_through(&message, hand)).await;
            self.answer(&message, ruling.unwrap_or(Ruling::GiveBack)).await;
        }
        .instrument(span)
        .await;
    }

    /// Handles a message, and again whenever it has waited, until the broker can be told.
    async fn see_through(&self, message: &Handed, hand: OwnedSemaphorePermit) -> Ruling {
        let mut patience = Patience::default();
        let mut step = self.step_measured(message).await;
        drop(hand);
        loop {
            let waited = match step {
                Step::Ruled(ruling) => return ruling,
                Step::Wait(delivery, wait) => self.wait_in_line(message, &delivery, wait, &mut patience).await,
                Step::Again(reason) => {
                    patience.look(reason);
                    rest(backoff::until_due(patience.looks)).await;
                    None
                }
            };
            if let Some(ruling) = waited {
                return ruling;
            }
            // They are never withdrawn; without one nothing could be done but to give the message back.
            let Ok(_hand) = self.second_hands.acquire().await else { return Ruling::GiveBack };
            step = self.step_measured(message).await;
        }
    }

    /// Waits until it is worth looking again; a ruling where the message cannot wait here.
    async fn wait_in_line(
        &self,
        message: &Handed,
        delivery: &Delivery,
        wait: Wait,
        patience: &mut Patience,
    ) -> Option<Ruling> {
        debug!(reason = wait.reason, ahead = wait.ahead, "not its turn");
        if wait.ahead >= NEAR {
            patience.seat = None;
        } else if patience.seat.is_none() {
            patience.seat = self.room.sit(&delivery.event.series, delivery.event.fact.name(), message.sequence);
        }
        patience.look(wait.reason);
        let Some(seat) = &mut patience.seat else { return Some(Ruling::Postpone(backoff::until_near(wait.ahead))) };
        gauge!("aria_waiting", "service" => H::SERVICE).increment(1.0);
        let called = tokio::select! {
            () = seat.called(patience.looks) => None,
            () = self.shutdown.requested() => Some(Ruling::GiveBack),
        };
        gauge!("aria_waiting", "service" => H::SERVICE).decrement(1.0);
        called
    }

    async fn step_measured(&self, message: &Handed) -> Step {
        let started = Instant::now();
        gauge!("aria_in_hand", "service" => H::SERVICE).increment(1.0);
        let step = self.step(message).await;
        gauge!("aria_in_hand", "service" => H::SERVICE).decrement(1.0);
        counter!("aria_deliveries_total", "service" => H::SERVICE, "outcome" => step.name()).increment(1);
        histogram!("aria_delivery_seconds", "service" => H::SERVICE, "outcome" => step.name())
            .record(started.elapsed().as_secs_f64());
        debug!(outcome = step.name(), elapsed = ?started.elapsed(), "handled");
        step
    }

    /// Works on a message while telling the broker that someone is at it; nothing where it has to be given back.
    async fn alive<T>(&self, message: &Handed, work: impl Future<Output = T>) -> Option<T> {
        let every = Duration::from_millis(self.sign_of_life.load(Ordering::Relaxed));
        let mut signs = interval_at(Instant::now() + every, every);
        let mut give_back = self.give_back.clone();
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                _ = signs.tick() => {
                    if let Err(error) = message.in_progress().await {
                        warn!(%error, "the broker was not told that work goes on");
                    }
                }
                () = async { give_back.wait_for(|give_back| *give_back).await.map_or((), drop) } => return None,
            }
        }
    }

    pub(super) async fn step(&self, message: &Handed) -> Step {
        let Parts { id, cause, trace, event } =
            match parts(&message.subject, message.headers.as_ref(), &message.payload) {
                Ok(parts) => parts,
                Err(malformed) => return self.bury(message, None, &chain(&malformed)).await,
            };
        if is_past(message.headers.as_ref()) {
            return Step::Ruled(Ruling::Done);
        }
        let known = self.ledger.failures(message.sequence);
        let delivery = Delivery { id, event, attempt: known.count + 1 };
        let span = Span::current();
        span.record("event_id", &delivery.id).record("cause", cause).record("trace_id", trace.trace_id());
        span.record("attempt", delivery.attempt);
        let chained = Some((&delivery, &trace));
        if known.count >= self.limits.attempts {
            return self.bury(message, chained, &known.reason).await;
        }
        if message.delivered > 1 {
            match self.given_up(message, (&delivery, &trace)).await {
                Ok(Some(step)) => return step,
                Ok(None) => {}
                Err(error) => return self.judge(message, (&delivery, &trace), &error.into()).await,
            }
        }
        let is_suspect = message.delivered > self.limits.deliveries;
        if is_suspect {
            match self.edges.bus.take_up(H::SERVICE, message.sequence).await {
                Ok(times) if times > self.limits.crashes => {
                    let reason = format!("taken up {} times without an end: it brings its process down", times - 1);
                    return self.bury(message, chained, &reason).await;
                }
                Ok(_) => {}
                Err(error) => return self.judge(message, (&delivery, &trace), &error.into()).await,
            }
        }
        let step = match self.handle(&delivery, &trace).await {
            // Also of a first delivery: what it found done may be the end of the chain of a later one, whose process
            // died while it gave the message up.
            Ok(step @ Step::Ruled(Ruling::Done)) => match self.given_up(message, (&delivery, &trace)).await {
                Ok(given_up) => given_up.unwrap_or(step),
                // Not a failure of the message, which is handled: that must not be what it is given up for.
                Err(error) => {
                    warn!(error = chain(&error), "cannot say yet whether someone began to give the message up");
                    Step::Ruled(Ruling::Retry(backoff::in_an_outage(message.delivered, message.sequence)))
                }
            },
            Ok(step) => step,
            Err(failure) => self.judge(message, (&delivery, &trace), &failure).await,
        };
        if is_suspect && let Err(error) = self.edges.bus.put_down(H::SERVICE, message.sequence).await {
            warn!(%error, "it stays on record that the message was taken up");
        }
        step
    }

    /// What becomes of a message that someone began to give up: whoever did so may have died before the dead letter was
    /// written. Nothing where nobody did.
    async fn given_up(&self, message: &Handed, chained: (&Delivery, &TraceContext)) -> Result<Option<Step>, BusError> {
        match self.edges.bus.why_condemned(H::SERVICE, message.sequence).await? {
            Some(reason) => Ok(Some(self.bury(message, Some(chained), &reason).await)),
            None => Ok(None),
        }
    }

    /// Handles a delivery and carries out what comes of it.
    async fn handle(&self, delivery: &Delivery, trace: &TraceContext) -> Result<Step, Failure> {
        let (handler, input) = (self.handler.clone(), delivery.clone());
        let outcome = apart(self.limits.handling, async move { handler.handle(&input).await }).await?;
        self.carry_out(outcome, delivery, trace).await
    }

    async fn carry_out(&self, outcome: Outcome, delivery: &Delivery, trace: &TraceContext) -> Result<Step, Failure> {
        let series = &delivery.event.series;
        match outcome {
            Outcome::Later(wait) => Ok(Step::Wait(Box::new(delivery.clone()), wait)),
            Outcome::First(left) => {
                warn!(cause = left.cause, series = %series, "publishing what was left unpublished");
                for event in &left.events {
                    self.edges.bus.publish(&left.cause, event).await?;
                }
                self.handler.settled(series, &left).await?;
                Ok(Step::Again("the facts of an earlier change had to be published first".to_owned()))
            }
            Outcome::Done(events) => {
                for event in &events {
                    self.edges.bus.publish_within(trace, &delivery.id, event).await?;
                }
                self.handler.settled(series, &Outbox::unsettled(&delivery.id, events)).await?;
                self.room.moved(series);
                gauge!("aria_outage", "service" => H::SERVICE).set(0.0);
                Ok(Step::Ruled(Ruling::Done))
            }
        }
    }

    async fn judge(&self, message: &Handed, chained: (&Delivery, &TraceContext), failure: &Failure) -> Step {
        let reason = failure.to_string();
        if failure.kind == FailureKind::Contended {
            return Step::Again(reason);
        }
        // Also of what would fail every time: what is missing may lie in the store that is away.
        if let Some(outage) = self.outage().await {
            warn!(reason, outage, "waiting for what the platform stands on");
            return Step::Ruled(Ruling::Retry(backoff::in_an_outage(message.delivered, message.sequence)));
        }
        if failure.kind == FailureKind::Permanent {
            return self.bury(message, Some(chained), &reason).await;
        }
        let count = self.ledger.note(message.sequence, &reason);
        if count >= self.limits.attempts {
            let reason = format!("failed {count} times; last: {reason}");
            return self.bury(message, Some(chained), &reason).await;
        }
        warn!(reason, failures = count, "trying again");
        Step::Ruled(Ruling::Retry(backoff::after_failure(count, message.sequence)))
    }

    /// What the broker or the store says where it serves nobody: then a failure says nothing about a message, and no
    /// message may be given up because of it.
    async fn outage(&self) -> Option<String> {
        let outage = self.edges.outage().await;
        gauge!("aria_outage", "service" => H::SERVICE).set(if outage.is_some() { 1.0 } else { 0.0 });
        outage
    }

    /// Ends the chain, then keeps the message with the reason. Where that cannot be done yet, the message comes back
    /// and is buried then: a message that is gone while its chain is open would block its series for good.
    async fn bury(&self, message: &Handed, chained: Option<(&Delivery, &TraceContext)>, reason: &str) -> Step {
        if let Some((delivery, trace)) = chained {
            if let Err(failure) = self.edges.bus.condemn(H::SERVICE, message.sequence, reason).await {
                warn!(%failure, "cannot put on record yet that the message is given up");
                return self.bury_later(message, reason);
            }
            match self.end_chain(delivery, trace, reason).await {
                Ok(Step::Ruled(_)) => {}
                Ok(not_yet) => {
                    self.ledger.condemn(message.sequence, self.limits.attempts, reason);
                    return not_yet;
                }
                Err(failure) => match failure.kind {
                    FailureKind::Transient | FailureKind::Contended => {
                        warn!(%failure, "cannot end the chain yet");
                        return self.bury_later(message, reason);
                    }
                    FailureKind::Permanent => {
                        // For people to see; a second one of the same message is not kept.
                        let reason =
                            format!("{reason}; and its chain cannot be ended, which is tried again: {failure}");
                        let _ = self.edges.bus.bury(&message.letter(H::SERVICE, &reason)).await;
                        error!(reason, "the series stands still until a person helps");
                        return self.bury_later(message, &reason);
                    }
                },
            }
        }
        if let Err(failure) = self.edges.bus.bury(&message.letter(H::SERVICE, reason)).await {
            warn!(%failure, "cannot keep the dead letter yet");
            return self.bury_later(message, reason);
        }
        if let Err(failure) = self.edges.bus.strike_off(H::SERVICE, message.sequence).await {
            warn!(%failure, "it stays on record that the message was given up");
        }
        counter!("aria_dead_letters_total", "service" => H::SERVICE).increment(1);
        error!(reason, "cannot be processed: it lies with the dead letters");
        Step::Ruled(Ruling::Buried)
    }

    fn bury_later(&self, message: &Handed, reason: &str) -> Step {
        self.ledger.condemn(message.sequence, self.limits.attempts, reason);
        Step::Ruled(Ruling::Retry(backoff::in_an_outage(message.delivered, message.sequence)))
    }

    async fn end_chain(&self, delivery: &Delivery, trace: &TraceContext, reason: &str) -> Result<Step, Failure> {
        let (handler, input, why) = (self.handler.clone(), delivery.clone(), reason.to_owned());
        let outcome = apart(self.limits.handling, async move { handler.give_up(&input, &why).await }).await?;
        self.carry_out(outcome, delivery, trace).await
    }

    pub(super) async fn answer(&self, message: &Handed, ruling: Ruling) {
        let told = match &ruling {
            Ruling::Done => message.done().await,
            Ruling::Buried => message.buried().await,
            Ruling::Postpone(wait) | Ruling::Retry(wait) => message.back_after(Some(*wait)).await,
            Ruling::GiveBack => message.back_after(None).await,
        };
        match (told, ruling) {
            (Ok(()), Ruling::Done | Ruling::Buried) => self.ledger.forget(message.sequence),
            (Ok(()), Ruling::Postpone(_) | Ruling::Retry(_) | Ruling::GiveBack) => {}
            (Err(error), _) => warn!(%error, "the broker did not confirm; it will hand the message out again"),
        }
    }
}
