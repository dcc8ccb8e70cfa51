//! What waits, and which of it is written next.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ids::{PARTITIONS, Partition, TenantId};

use crate::BATCH_MAX;

/// Calls by lane and tenant, and which lanes are being written.
pub(crate) struct Waiting<C> {
    /// Calls of each tenant that has any, by lane, in the order in which they came.
    tenants: HashMap<TenantId, BTreeMap<Partition, VecDeque<C>>>,
    /// The same tenants, the one that was served longest ago first.
    turns: VecDeque<TenantId>,
    /// Lanes that a batch was taken from and that were not freed yet.
    busy: [bool; PARTITIONS as usize],
    /// How many calls each lane has.
    lens: [usize; PARTITIONS as usize],
    /// How many there may be.
    max: usize,
    /// Where the next batch starts to look, so that no lane is always last.
    start: u8,
}

/// What is to be written together: calls of one tenant.
#[derive(Debug)]
pub(crate) struct Batch<C> {
    /// Whose they are.
    pub(crate) tenant: TenantId,
    /// The calls: those of a lane in the order in which they came.
    pub(crate) calls: Vec<C>,
    /// The lanes that they were taken from.
    pub(crate) lanes: Vec<Partition>,
}

impl<C> Waiting<C> {
    /// Nothing, of which there may be `max` calls.
    pub(crate) fn new(max: usize) -> Self {
        let busy = [false; PARTITIONS as usize];
        let lens = [0; PARTITIONS as usize];
        Self { tenants: HashMap::new(), turns: VecDeque::new(), busy, lens, max, start: 0 }
    }

    /// How many calls wait.
    pub(crate) fn len(&self) -> usize {
        self.lens.iter().sum()
    }

    /// Adds a call, unless there are as many as may be.
    pub(crate) fn push(&mut self, tenant: &TenantId, lane: Partition, call: C) -> Result<(), C> {
        if self.len() >= self.max {
            return Err(call);
        }
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.clone(), BTreeMap::new());
            self.turns.push_back(tenant.clone());
        }
        let lanes = self.tenants.get_mut(tenant).expect("just made sure of");
        lanes.entry(lane).or_default().push_back(call);
        self.lens[usize::from(lane.index())] += 1;
        Ok(())
    }

    /// Takes what is to be written next of the lanes that `mine` names: of the tenant whose turn it is, from those that
    /// are not being written. They are busy until [`free`](Self::free).
    pub(crate) fn take(&mut self, mine: impl Fn(Partition) -> bool) -> Option<Batch<C>> {
        let free = |lane: &Partition, busy: &[bool]| mine(*lane) && !busy[usize::from(lane.index())];
        let turn =
            self.turns.iter().position(|tenant| self.tenants[tenant].keys().any(|lane| free(lane, &self.busy)))?;
        let tenant = self.turns.remove(turn)?;
        let waiting = self.tenants.get_mut(&tenant)?;
        let (mut calls, mut lanes) = (Vec::new(), Vec::new());
        let ready: Vec<Partition> = waiting.keys().copied().filter(|lane| free(lane, &self.busy)).collect();
        let first = ready.partition_point(|lane| lane.index() < self.start);
        for lane in ready[first..].iter().chain(&ready[..first]) {
            let room = BATCH_MAX - calls.len();
            let Some(line) = waiting.get_mut(lane).filter(|_| room > 0) else { break };
            let taken = room.min(line.len());
            calls.extend(line.drain(..taken));
            if line.is_empty() {
                waiting.remove(lane);
            }
            lanes.push(*lane);
            self.lens[usize::from(lane.index())] -= taken;
            self.busy[usize::from(lane.index())] = true;
            self.start = (lane.index() + 1) % PARTITIONS;
        }
        if waiting.is_empty() {
            self.tenants.remove(&tenant);
        } else {
            self.turns.push_back(tenant.clone());
        }
        Some(Batch { tenant, calls, lanes })
    }

    /// Gives lanes back that a batch was taken from.
    pub(crate) fn free(&mut self, lanes: &[Partition]) {
        for lane in lanes {
            self.busy[usize::from(lane.index())] = false;
        }
    }

    /// The lanes that have calls and are not being written.
    pub(crate) fn ready(&self) -> impl Iterator<Item = Partition> + '_ {
        Partition::all()
            .filter(|lane| self.lens[usize::from(lane.index())] > 0 && !self.busy[usize::from(lane.index())])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).expect("a tenant id")
    }

    fn lane(index: i64) -> Partition {
        Partition::new(index).expect("a partition")
    }

    fn all(_: Partition) -> bool {
        true
    }

    #[test]
    fn a_call_that_comes_alone_is_taken_alone() {
        let mut waiting = Waiting::new(10);
        waiting.push(&tenant("a"), lane(3), 1).unwrap();
        let batch = waiting.take(all).unwrap();
        assert_eq!((batch.calls, batch.lanes), (vec![1], vec![lane(3)]));
        assert!(waiting.take(all).is_none());
    }

    #[test]
    fn a_lane_that_is_being_written_waits_and_keeps_its_order() {
        let mut waiting = Waiting::new(10);
        waiting.push(&tenant("a"), lane(3), 1).unwrap();
        let first = waiting.take(all).unwrap();
        waiting.push(&tenant("a"), lane(3), 2).unwrap();
        waiting.push(&tenant("b"), lane(3), 3).unwrap();
        waiting.push(&tenant("a"), lane(3), 4).unwrap();
        assert!(waiting.take(all).is_none(), "its lane is being written");
        waiting.free(&first.lanes);
        assert_eq!(waiting.take(all).unwrap().calls, [2, 4]);
    }

    #[test]
    fn tenants_take_turns_however_much_one_has() {
        let mut waiting = Waiting::new(10_000);
        for n in 0..2_000 {
            waiting.push(&tenant("loud"), lane(n % 32), n).unwrap();
        }
        waiting.push(&tenant("quiet"), lane(3), -1).unwrap();
        let loud = waiting.take(all).unwrap();
        assert_eq!(loud.calls.len(), BATCH_MAX);
        waiting.free(&loud.lanes);
        assert_eq!(waiting.take(all).unwrap().calls, [-1]);
    }

    #[test]
    fn no_lane_is_passed_over_for_ever() {
        let mut waiting = Waiting::new(100_000);
        for n in 0..i64::try_from(BATCH_MAX).unwrap() * 3 {
            for index in [0, 1, 2] {
                waiting.push(&tenant("a"), lane(index), n).unwrap();
            }
        }
        let mut seen = Vec::new();
        for _ in 0..3 {
            let batch = waiting.take(all).unwrap();
            seen.extend(batch.lanes.iter().copied());
            waiting.free(&batch.lanes);
        }
        assert_eq!(seen, [lane(0), lane(1), lane(2)]);
    }

    #[test]
    fn more_than_may_wait_is_given_back() {
        let mut waiting = Waiting::new(1);
        waiting.push(&tenant("a"), lane(0), 1).unwrap();
        assert_eq!(waiting.push(&tenant("a"), lane(1), 2), Err(2));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(u8, i64),
        Take(u8),
        Free,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let push = (0..4_u8, 0..32_i64).prop_map(|(tenant, lane)| Step::Push(tenant, lane));
        let step = prop_oneof![4 => push, 2 => (0..3_u8).prop_map(Step::Take), 1 => Just(Step::Free)];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn every_call_is_taken_once_in_the_order_of_its_lane_and_no_lane_twice_at_a_time(steps in steps()) {
            let mut waiting = Waiting::new(50);
            let mut expected: HashMap<(TenantId, Partition), VecDeque<usize>> = HashMap::new();
            let mut places: HashMap<usize, Partition> = HashMap::new();
            let mut running: Vec<Vec<Partition>> = Vec::new();
            for (n, step) in steps.iter().enumerate() {
                match step {
                    Step::Push(who, index) => {
                        let (who, lane) = (tenant(&format!("t{who}")), lane(*index));
                        let full = waiting.len() == 50;
                        prop_assert_eq!(waiting.push(&who, lane, n).is_err(), full);
                        if !full {
                            expected.entry((who, lane)).or_default().push_back(n);
                            places.insert(n, lane);
                        }
                    }
                    Step::Take(share) => {
                        let mine = |lane: Partition| lane.index() % 3 == *share;
                        let ready = waiting.ready().any(mine);
                        let batch = waiting.take(mine);
                        prop_assert_eq!(batch.is_some(), ready);
                        let Some(batch) = batch else { continue };
                        prop_assert!(batch.lanes.iter().all(|lane| mine(*lane)));
                        prop_assert!(!running.iter().flatten().any(|lane| batch.lanes.contains(lane)));
                        for call in batch.calls {
                            let line = expected.get_mut(&(batch.tenant.clone(), places[&call]));
                            prop_assert_eq!(line.and_then(VecDeque::pop_front), Some(call));
                        }
                        running.push(batch.lanes);
                    }
                    Step::Free => {
                        if let Some(lanes) = running.pop() {
                            waiting.free(&lanes);
                        }
                    }
                }
                prop_assert_eq!(waiting.len(), expected.values().map(VecDeque::len).sum::<usize>());
            }
        }
    }
}
