//! One delivery from the broker's hand back into it: handled, published, acknowledged, or tried again, or buried.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aria_core::event::Event;
use async_nats::jetstream::{AckKind, Message};
use metrics::{counter, gauge, histogram};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, timeout};
use tracing::{Instrument, Span, debug, error, field, info_span, warn};

use super::ledger::Ledger;
use super::{Delivery, Failure, FailureKind, Handler, Limits, Outcome, backoff, chain, panicked};
use crate::bus::{Bus, Parts, parts, trace::TraceContext};
use crate::contracts::DeadLetter;

/// Where the deliveries of one service are dealt with.
pub(super) struct Desk<H> {
    handler: std::sync::Arc<H>,
    bus: Bus,
    limits: Limits,
    /// Milliseconds between two signs of life.
    sign_of_life: AtomicU64,
    ledger: Ledger,
    give_back: watch::Receiver<bool>,
}

/// Where a message stands in the log, and how often it was handed out.
#[derive(Clone, Copy)]
struct Place {
    sequence: u64,
    delivered: u64,
}

/// What the broker is told.
enum Ruling {
    /// It is done.
    Done,
    /// It is not its turn; again after this long.
    Postpone(Duration),
    /// It failed; again after this long.
    Retry(Duration),
    /// It lies with the dead letters.
    Buried,
    /// This process leaves; someone else is to take it.
    GiveBack,
}

impl Ruling {
    fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Postpone(_) => "postponed",
            Self::Retry(_) => "retried",
            Self::Buried => "dead_letter",
            Self::GiveBack => "given_back",
        }
    }
}

impl<H: Handler> Desk<H> {
    pub(super) fn new(handler: H, bus: Bus, limits: Limits, give_back: watch::Receiver<bool>) -> Self {
        let desk = Self {
            handler: std::sync::Arc::new(handler),
            bus,
            limits,
            sign_of_life: AtomicU64::new(0),
            ledger: Ledger::default(),
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

    /// Deals with one message, whatever it is.
    pub(super) async fn deal_with(&self, message: Message) {
        let place = match message.info() {
            Ok(info) => Place { sequence: info.stream_sequence, delivered: u64::try_from(info.delivered).unwrap_or(0) },
            Err(error) => {
                error!(service = H::SERVICE, %error, "the broker handed out what is no message of a stream");
                return;
            }
        };
        let span = info_span!(
            "delivery",
            service = H::SERVICE,
            subject = %message.subject,
            sequence = place.sequence,
            event_id = field::Empty,
            cause = field::Empty,
            trace_id = field::Empty,
            attempt = field::Empty,
        );
        self.handle_and_answer(&message, place).instrument(span).await;
    }

    async fn handle_and_answer(&self, message: &Message, place: Place) {
        let started = Instant::now();
        gauge!("aria_in_hand", "service" => H::SERVICE).increment(1.0);
        let ruling = self.rule_alive(message, place).await;
        let name = ruling.name();
        self.answer(message, place, ruling).await;
        gauge!("aria_in_hand", "service" => H::SERVICE).decrement(1.0);
        counter!("aria_deliveries_total", "service" => H::SERVICE, "outcome" => name).increment(1);
        histogram!("aria_delivery_seconds", "service" => H::SERVICE, "outcome" => name)
            .record(started.elapsed().as_secs_f64());
        debug!(outcome = name, elapsed = ?started.elapsed(), "dealt with");
    }

    /// Rules on a message while telling the broker that someone is at it.
    async fn rule_alive(&self, message: &Message, place: Place) -> Ruling {
        let every = Duration::from_millis(self.sign_of_life.load(Ordering::Relaxed));
        let mut signs = interval_at(Instant::now() + every, every);
        let mut give_back = self.give_back.clone();
        let ruling = self.rule(message, place);
        tokio::pin!(ruling);
        loop {
            tokio::select! {
                ruling = &mut ruling => return ruling,
                _ = signs.tick() => {
                    if let Err(error) = message.ack_with(AckKind::Progress).await {
                        warn!(%error, "the broker was not told that work goes on");
                    }
                }
                () = async { give_back.wait_for(|give_back| *give_back).await.map_or((), drop) } => return Ruling::GiveBack,
            }
        }
    }

    async fn rule(&self, message: &Message, place: Place) -> Ruling {
        let Parts { id, cause, trace, event } =
            match parts(&message.subject, message.headers.as_ref(), &message.payload) {
                Ok(parts) => parts,
                Err(malformed) => return self.bury(message, place, None, &chain(&malformed)).await,
            };
        let known = self.ledger.failures(place.sequence);
        let delivery = Delivery { id, event, attempt: known.count + 1 };
        let span = Span::current();
        span.record("event_id", &delivery.id).record("cause", cause).record("trace_id", trace.trace_id());
        span.record("attempt", delivery.attempt);
        let chained = Some((&delivery, &trace));
        if known.count >= self.limits.attempts {
            return self.bury(message, place, chained, &known.reason).await;
        }
        if place.delivered > self.limits.deliveries {
            let reason = format!("handed out {} times without an end; last: {}", place.delivered, known.reason);
            return self.bury(message, place, chained, &reason).await;
        }
        let failure = match self.handle(&delivery, &trace).await {
            Ok(ruling) => return ruling.unwrap_or_else(|| Ruling::Postpone(backoff::until_due(place.delivered))),
            Err(failure) => failure,
        };
        self.judge(message, place, (&delivery, &trace), &failure).await
    }

    /// Handles a delivery and publishes what comes of it; no ruling where it is not its turn.
    async fn handle(&self, delivery: &Delivery, trace: &TraceContext) -> Result<Option<Ruling>, Failure> {
        let (handler, input) = (self.handler.clone(), delivery.clone());
        match self.guard(async move { handler.handle(&input).await }).await? {
            Outcome::Later(reason) => {
                debug!(reason, "not its turn");
                Ok(None)
            }
            Outcome::Done(events) => {
                self.publish(delivery, trace, &events).await?;
                self.handler.settled(delivery).await?;
                Ok(Some(Ruling::Done))
            }
        }
    }

    async fn publish(&self, delivery: &Delivery, trace: &TraceContext, events: &[Event]) -> Result<(), Failure> {
        for event in events {
            self.bus.publish_within(trace, &delivery.id, event).await?;
        }
        Ok(())
    }

    async fn judge(
        &self,
        message: &Message,
        place: Place,
        chained: (&Delivery, &TraceContext),
        failure: &Failure,
    ) -> Ruling {
        let reason = failure.to_string();
        match failure.kind {
            FailureKind::Contended => {
                debug!(reason, "someone else was first");
                Ruling::Postpone(backoff::until_due(place.delivered))
            }
            FailureKind::Transient => {
                let count = self.ledger.note(place.sequence, &reason);
                if count >= self.limits.attempts {
                    let reason = format!("failed {count} times; last: {reason}");
                    return self.bury(message, place, Some(chained), &reason).await;
                }
                warn!(reason, failures = count, "trying again");
                Ruling::Retry(backoff::after_failure(count, place.sequence))
            }
            FailureKind::Permanent => self.bury(message, place, Some(chained), &reason).await,
        }
    }

    /// Publishes the facts that end the chain, then keeps the message with the reason. Where the broker or the store
    /// does not answer, the message comes back and is buried then.
    async fn bury(
        &self,
        message: &Message,
        place: Place,
        chained: Option<(&Delivery, &TraceContext)>,
        reason: &str,
    ) -> Ruling {
        if let Some((delivery, trace)) = chained
            && let Err(failure) = self.end_chain(delivery, trace, reason).await
        {
            match failure.kind {
                FailureKind::Transient | FailureKind::Contended if place.delivered <= self.limits.deliveries => {
                    warn!(%failure, "cannot end the chain yet");
                    return self.bury_later(place, reason);
                }
                FailureKind::Transient | FailureKind::Contended | FailureKind::Permanent => {
                    error!(%failure, "the chain stays open: see the dead letter");
                }
            }
        }
        if let Err(failure) = self.bus.bury(&letter(H::SERVICE, message, place, reason)).await {
            warn!(%failure, "cannot keep the dead letter yet");
            return self.bury_later(place, reason);
        }
        counter!("aria_dead_letters_total", "service" => H::SERVICE).increment(1);
        error!(reason, "cannot be processed: it lies with the dead letters");
        Ruling::Buried
    }

    fn bury_later(&self, place: Place, reason: &str) -> Ruling {
        let count = self.ledger.note(place.sequence, reason);
        Ruling::Retry(backoff::after_failure(count, place.sequence))
    }

    async fn end_chain(&self, delivery: &Delivery, trace: &TraceContext, reason: &str) -> Result<(), Failure> {
        let (handler, input, why) = (self.handler.clone(), delivery.clone(), reason.to_owned());
        let events = self.guard(async move { handler.give_up(&input, &why).await }).await?;
        self.publish(delivery, trace, &events).await?;
        self.handler.settled(delivery).await
    }

    /// Runs a part of the handler where its panic and its hanging hurt nobody else.
    async fn guard<T: Send + 'static>(
        &self,
        part: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        // A set, because dropping it stops the task: a delivery that is given back is not worked on any longer.
        let mut task = JoinSet::new();
        task.spawn(part.in_current_span());
        match timeout(self.limits.handling, task.join_next()).await {
            Ok(Some(Ok(result))) => result,
            Ok(Some(Err(stopped))) => Err(Failure::permanent(panicked(stopped))),
            Ok(None) => Err(Failure::transient("the handler's task was lost")),
            Err(_) => Err(Failure::transient(format!("not finished within {:?}", self.limits.handling))),
        }
    }

    async fn answer(&self, message: &Message, place: Place, ruling: Ruling) {
        let told = match &ruling {
            // Confirmed by the broker, so that a lost acknowledgement is known here and not after the waiting time.
            Ruling::Done => message.double_ack().await,
            Ruling::Buried => message.double_ack_with(AckKind::Term).await,
            Ruling::Postpone(wait) | Ruling::Retry(wait) => message.ack_with(AckKind::Nak(Some(*wait))).await,
            Ruling::GiveBack => message.ack_with(AckKind::Nak(None)).await,
        };
        match (told, ruling) {
            (Ok(()), Ruling::Done | Ruling::Buried) => self.ledger.forget(place.sequence),
            (Ok(()), Ruling::Postpone(_) | Ruling::Retry(_) | Ruling::GiveBack) => {}
            (Err(error), _) => warn!(%error, "the broker did not confirm; it will hand the message out again"),
        }
    }
}

fn letter(service: &str, message: &Message, place: Place, reason: &str) -> DeadLetter {
    let headers = message.headers.iter().flat_map(|headers| headers.iter());
    let headers = headers
        .flat_map(|(name, values)| values.iter().map(|value| (name.to_string(), value.as_str().to_owned())))
        .collect();
    DeadLetter {
        service: service.to_owned(),
        subject: message.subject.to_string(),
        stream_sequence: place.sequence,
        attempts: place.delivered,
        reason: reason.to_owned(),
        headers,
        body: message.payload.to_vec(),
    }
}
