//! One simulation from its seed to its end.

use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Context, Waker};

use anyhow::{Result, bail};
use aria_io::artifacts::Artifacts;
use aria_io::bus::Bus;
use aria_io::bus::memory::Broker;
use futures::future::BoxFuture;
use object_store::memory::InMemory;

use super::chance::Chance;
use super::cluster::{Counts, Ground, Process, SERVICES};
use super::feed::Input;
use super::oracle::{End, Violation};

/// Messages that one process deals with at once, those among them that wait for their turn.
const HANDS: usize = 64;
/// Moves after which a simulation is stuck; a whole one takes some five thousand.
const MOST_MOVES: u64 = 100_000;
/// One move in this many is a fault, until they are used up.
const FAULT: u64 = 40;
/// Processes that are killed at most amid giving a message up, which comes when the other faults are used up. Between
/// the record of it and the dead letter lie so many steps at most.
const KILLS_AMID: u32 = 2;
const STEPS_AMID: usize = 12;

/// What a seed came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What happened.
    pub counts: Counts,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// A simulation in progress.
struct World {
    ground: Ground,
    input: Arc<Input>,
    processes: Vec<Process>,
    tasks: Vec<Task>,
    /// Messages that a killed process had in hand.
    orphans: Vec<(&'static str, u64)>,
    fed: usize,
    feeding: Option<BoxFuture<'static, bool>>,
    poisoned: bool,
    faults_left: u32,
    kills_amid_left: u32,
    /// The place of the newest record of a message that is given up.
    given_up: u64,
    counts: Counts,
}

/// A message that a process deals with.
struct Task {
    process: usize,
    service: &'static str,
    place: u64,
    work: BoxFuture<'static, ()>,
    /// Steps after which its process is killed.
    doomed: Option<usize>,
}

/// Runs the input without any fault, one message after the other.
///
/// # Errors
/// Where it gets stuck.
pub fn undisturbed(input: &Arc<Input>) -> Result<End> {
    let mut world = World::new(input, &Chance::of(0, 0), 1, 0)?;
    for moves in 0..MOST_MOVES {
        if world.is_over() {
            return world.end();
        }
        world.feed();
        world.take_up(|_| 0);
        let in_turn = usize::try_from(moves)? % world.tasks.len().max(1);
        world.work_on(in_turn);
    }
    bail!("the undisturbed run is stuck: {}", world.told());
}

/// Runs the input with the faults and the order that a seed gives, and compares the end.
///
/// # Errors
/// Where the end cannot be read.
pub fn run(seed: u64, input: &Arc<Input>, undisturbed: &End) -> Result<Outcome> {
    let chance = Chance::of(seed, 12);
    let replicas = 1 + chance.below(2);
    let faults = 8 + u32::try_from(chance.below(16))?;
    let mut world = World::new(input, &chance, replicas, faults)?;
    let mut moves = 0;
    while !world.is_over() {
        moves += 1;
        if moves > MOST_MOVES {
            let stuck = Violation(format!("stuck: {}", world.told()));
            return Ok(Outcome { counts: world.counted(), violations: vec![stuck] });
        }
        world.move_on();
    }
    let violations = world.end()?.violations(undisturbed, world.counts.duplicates);
    Ok(Outcome { counts: world.counted(), violations })
}

/// Runs the input with so many replicas of each service and no fault but this: every event is put into the log a second
/// time by another hand, and every message is handed out a second time while the first process is still at it.
///
/// # Errors
/// Where the end cannot be read.
pub fn twice(replicas: usize, input: &Arc<Input>, undisturbed: &End) -> Result<Outcome> {
    let mut world = World::new(input, &Chance::of(0, 0), replicas, 0)?;
    let (mut seen, mut handed_out) = (0, HashSet::new());
    for moves in 0..MOST_MOVES {
        if world.is_over() {
            let violations = world.end()?.violations(undisturbed, world.counts.duplicates);
            return Ok(Outcome { counts: world.counted(), violations });
        }
        world.feed();
        seen = world.double(seen);
        world.take_up(|_| 0);
        let newest = world.tasks.last().map(|task| (task.service, task.place));
        if let Some((service, place)) = newest.filter(|newest| handed_out.insert(*newest)) {
            world.counts.zombies += 1;
            world.ground.broker.take_back(service, place);
        }
        let in_turn = usize::try_from(moves)? % world.tasks.len().max(1);
        world.work_on(in_turn);
    }
    bail!("the run of doubled events is stuck: {}", world.told());
}

impl World {
    fn new(input: &Arc<Input>, chance: &Chance, replicas: usize, faults_left: u32) -> Result<Self> {
        let ground = Ground {
            broker: Broker::default(),
            store: Arc::new(InMemory::new()),
            chance: chance.clone(),
            definition: input.definition.clone(),
        };
        let services = SERVICES.iter().flat_map(|service| std::iter::repeat_n(*service, replicas));
        let Some(processes) = services.map(|service| ground.start(service)).collect() else {
            bail!("the broker of a simulation is one in memory");
        };
        Ok(Self {
            ground,
            input: Arc::clone(input),
            processes,
            tasks: Vec::new(),
            orphans: Vec::new(),
            fed: 0,
            feeding: None,
            poisoned: false,
            faults_left,
            kills_amid_left: if faults_left > 0 { KILLS_AMID } else { 0 },
            given_up: 0,
            counts: Counts::default(),
        })
    }

    /// Where it stands, for people.
    fn told(&self) -> String {
        let hands: Vec<_> = self.tasks.iter().map(|task| format!("{} {}", task.service, task.place)).collect();
        let waiting = SERVICES.map(|service| format!("{service} {:?}", self.ground.broker.waiting(service)));
        format!("{} of {} batches fed; in hand {hands:?}; waiting {waiting:?}", self.fed, self.input.len())
    }

    /// Whether everything is fed and nothing is left to do.
    fn is_over(&self) -> bool {
        let idle = |service: &&str| self.ground.broker.unacknowledged(service) == 0;
        let looked = || SERVICES.iter().all(|service| self.ground.broker.waiting(service).is_empty());
        self.fed == self.input.len() && self.tasks.is_empty() && looked() && SERVICES.iter().all(idle)
    }

    fn move_on(&mut self) {
        let chance = self.ground.chance.clone();
        if self.faults_left > 0 && chance.once_in(FAULT) {
            self.faults_left -= 1;
            self.fault();
        } else if self.faults_left == 0 {
            chance.no_more_failures();
        }
        match chance.below(8) {
            0 => self.feed(),
            1 if !self.orphans.is_empty() => {
                let (service, place) = self.orphans.swap_remove(chance.below(self.orphans.len()));
                self.ground.broker.take_back(service, place);
            }
            1 | 2 => {
                self.take_up(|waiting| if chance.once_in(3) { chance.below(waiting) } else { 0 });
            }
            _ => {
                let task = chance.below(self.tasks.len());
                self.work_on(task);
            }
        }
    }

    /// Something goes wrong.
    fn fault(&mut self) {
        let chance = self.ground.chance.clone();
        match chance.below(6) {
            0 | 1 => self.kill(chance.below(self.processes.len())),
            2 => {
                let service = SERVICES[chance.below(SERVICES.len())];
                for at in 0..self.processes.len() {
                    if self.processes[at].service == service {
                        self.kill(at);
                    }
                }
            }
            // The feeding client goes, and begins again with the same batch.
            3 => self.feeding = None,
            4 if chance.once_in(2) => {
                self.counts.restarts += 1;
                self.tasks.iter().for_each(|task| self.ground.broker.take_back(task.service, task.place));
            }
            4 => {
                let Some(task) = self.tasks.get(chance.below(self.tasks.len())) else { return };
                self.counts.zombies += 1;
                self.ground.broker.take_back(task.service, task.place);
            }
            _ => {
                let log = self.ground.broker.stored("ARIA");
                let Some(message) = log.get(chance.below(log.len())) else { return };
                if message.headers.get("ce-id").is_some() {
                    self.counts.duplicates += 1;
                    self.ground.broker.put_foreign(message);
                }
            }
        }
    }

    /// Puts a copy of every event behind the first `seen` messages of the log behind them; the length of the log then.
    fn double(&mut self, seen: usize) -> usize {
        let log = self.ground.broker.stored("ARIA");
        for event in log.iter().skip(seen).filter(|message| message.headers.get("ce-id").is_some()) {
            self.counts.duplicates += 1;
            self.ground.broker.put_foreign(event);
        }
        self.ground.broker.stored("ARIA").len()
    }

    fn kill(&mut self, process: usize) {
        self.counts.kills += 1;
        let (killed, left) = std::mem::take(&mut self.tasks).into_iter().partition(|task| task.process == process);
        self.tasks = left;
        let killed: Vec<Task> = killed;
        self.orphans.extend(killed.iter().map(|task| (task.service, task.place)));
        if let Some(anew) = self.ground.start(self.processes[process].service) {
            self.processes[process] = anew;
        }
    }

    /// Lets the client go on that feeds.
    fn feed(&mut self) {
        if !self.poisoned && self.fed > self.input.len() / 2 {
            self.poisoned = true;
            if let Some(subject) = self.input.poison {
                self.ground.broker.put_garbage(subject);
            }
        }
        if self.fed == self.input.len() {
            return;
        }
        let (input, fed, ground) = (Arc::clone(&self.input), self.fed, &self.ground);
        let feeding = self.feeding.get_or_insert_with(|| {
            let edges = ground.edges();
            let (artifacts, bus): (Artifacts, Bus) = (edges.artifacts, edges.bus);
            Box::pin(async move { input.hand_in(fed, &artifacts, &bus).await.is_ok() })
        });
        if let std::task::Poll::Ready(done) = feeding.as_mut().poll(&mut context()) {
            self.feeding = None;
            self.fed += usize::from(done);
        }
    }

    /// Lets a task go on; whether there is one.
    fn work_on(&mut self, place: usize) -> bool {
        let Some(task) = self.tasks.get_mut(place) else { return false };
        if task.work.as_mut().poll(&mut context()).is_ready() {
            let Task { service, place: message, .. } = self.tasks.swap_remove(place);
            // The broker's answer was lost, or its own: the message comes again when its time runs out.
            if self.ground.broker.is_in_hand(service, message) {
                self.orphans.push((service, message));
            }
            return true;
        }
        let (process, doomed) = (task.process, task.doomed);
        task.doomed = doomed.map(|steps| steps.saturating_sub(1));
        match doomed {
            Some(0) => self.kill(process),
            Some(_) => {}
            None if self.kills_amid_left > 0 && self.gave_up() => {
                self.kills_amid_left -= 1;
                let steps = self.ground.chance.below(STEPS_AMID);
                self.tasks[place].doomed = Some(steps);
            }
            None => {}
        }
        true
    }

    /// Whether it was put on record just now that a message is given up.
    fn gave_up(&mut self) -> bool {
        let Some((place, record)) = self.ground.broker.newest("KV_attempts") else { return false };
        let is_new = place > self.given_up && record.subject.ends_with(".condemned") && !record.payload.is_empty();
        if is_new {
            self.given_up = place;
        }
        is_new
    }

    /// Hands a message out to a process that has a hand free; whether there was one.
    fn take_up(&mut self, choose: impl Fn(usize) -> usize) -> bool {
        let first = self.ground.chance.below(self.processes.len());
        for at in (0..self.processes.len()).map(|offset| (first + offset) % self.processes.len()) {
            let process = &self.processes[at];
            if self.tasks.iter().filter(|task| task.process == at).count() >= HANDS {
                continue;
            }
            let waiting = self.ground.broker.waiting(process.service);
            let chosen = choose(waiting.len().max(1));
            let Some(place) = waiting.get(chosen) else { continue };
            let Some(work) = process.take(*place) else { continue };
            self.counts.deliveries += 1;
            self.counts.reordered += u64::from(chosen > 0);
            self.tasks.push(Task { process: at, service: process.service, place: *place, work, doomed: None });
            return true;
        }
        false
    }

    fn end(&self) -> Result<End> {
        futures::executor::block_on(End::of(&self.ground.broker, &self.ground.store))
    }

    fn counted(&self) -> Counts {
        Counts { failures: self.ground.chance.happened(), ..self.counts }
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
