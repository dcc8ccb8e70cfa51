//! The order machine of profiles: what is taken, what is refused, and in which order it becomes true.

use std::collections::BTreeMap;

use super::history::{Deed, History};
use super::plain::Answer;

/// Something that became true of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Paid {
        order: usize,
    },
    Completed {
        order: usize,
    },
    Cancelled {
        order: usize,
    },
    /// All amounts in yuan: of this refund, of all so far, and of the order. `pieces` 0: none were named.
    Refunded {
        order: usize,
        yuan: i64,
        so_far: i64,
        total: i64,
        pieces: i64,
    },
}

impl Event {
    pub(crate) fn order(&self) -> usize {
        match self {
            Event::Paid { order }
            | Event::Completed { order }
            | Event::Cancelled { order }
            | Event::Refunded { order, .. } => *order,
        }
    }

    /// Adds what it says to what is known to have come back.
    pub(crate) fn add_to(&self, returned: &mut Returned) {
        match self {
            Event::Refunded { so_far, total, .. } => (returned.refunded, returned.total) = (*so_far, *total),
            Event::Cancelled { .. } => returned.cancelled = true,
            Event::Paid { .. } | Event::Completed { .. } => {}
        }
    }
}

/// What came back of an order, in yuan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Returned {
    pub(crate) refunded: i64,
    pub(crate) total: i64,
    pub(crate) cancelled: bool,
}

impl Returned {
    /// How much of what the order gave goes back: its share, rounded down.
    pub(crate) fn due(&self, given: i64) -> i64 {
        match self {
            _ if self.cancelled => given,
            _ if self.total == 0 => 0,
            _ => given * self.refunded / self.total,
        }
    }

    pub(crate) fn whole(&self) -> bool {
        self.due(1) == 1
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Unknown,
    Created,
    Paid,
    Completed,
    Cancelled,
}

#[derive(Debug, Default)]
struct Order {
    state: State,
    total: i64,
    refunded: i64,
    /// Refunds that came before the payment: yuan and pieces.
    waiting: Vec<(i64, i64)>,
}

/// A user's orders.
#[derive(Debug)]
pub(crate) struct Orders {
    orders: Vec<Order>,
    pub(crate) log: Vec<Event>,
    pub(crate) returned: BTreeMap<usize, Returned>,
}

impl Orders {
    pub(crate) fn new(history: &History) -> Self {
        let orders = history.orders.iter().map(|total| Order { total: *total, ..Order::default() }).collect();
        Self { orders, log: Vec::new(), returned: BTreeMap::new() }
    }

    /// Takes all reports; names those that were answered otherwise than the machine says.
    pub(crate) fn take(&mut self, told: &[(Deed, Answer)]) -> Vec<String> {
        let mut surprises = Vec::new();
        for (deed, answer) in told {
            let taken = match deed {
                Deed::Created { order } => self.advance(*order, State::Created),
                Deed::Paid { order } => self.advance(*order, State::Paid),
                Deed::Completed { order } => self.advance(*order, State::Completed),
                Deed::Cancelled { order } => self.cancel(*order),
                Deed::Refunded { order, yuan, pieces, .. } => self.refund(*order, *yuan, *pieces),
                _ => continue,
            };
            if taken == matches!(answer, Answer::Refused(_)) {
                surprises.push(format!("{deed:?} was answered {answer:?}"));
            }
        }
        for event in &self.log {
            if matches!(event, Event::Refunded { .. } | Event::Cancelled { .. }) {
                event.add_to(self.returned.entry(event.order()).or_default());
            }
        }
        surprises
    }

    /// Orders that count, and what they cost less refunds, in yuan.
    pub(crate) fn spend(&self) -> (i64, i64) {
        let paid = self.orders.iter().filter(|it| matches!(it.state, State::Paid | State::Completed));
        let net: Vec<i64> = paid.map(|it| it.total - it.refunded).collect();
        (net.iter().filter(|net| **net > 0).count() as i64, net.iter().sum())
    }

    /// Pieces and loose money, in yuan, that refunds named.
    pub(crate) fn refunds(&self, order: usize) -> (i64, i64) {
        let of_order = |event: &&Event| event.order() == order;
        self.log.iter().filter(of_order).fold((0, 0), |(sum, loose), event| match event {
            Event::Refunded { yuan, pieces: 0, .. } => (sum, loose + yuan),
            Event::Refunded { pieces, .. } => (sum + pieces, loose),
            _ => (sum, loose),
        })
    }

    fn advance(&mut self, order: usize, to: State) -> bool {
        let it = &mut self.orders[order];
        if it.state == State::Cancelled {
            return to == State::Created;
        }
        let from = it.state;
        it.state = from.max(to);
        if from < State::Paid && to >= State::Paid {
            self.log.push(Event::Paid { order });
        }
        if from < State::Completed && to == State::Completed {
            self.log.push(Event::Completed { order });
        }
        if from < State::Paid && to >= State::Paid {
            for (yuan, pieces) in std::mem::take(&mut self.orders[order].waiting) {
                self.give_back(order, yuan, pieces);
            }
        }
        true
    }

    fn cancel(&mut self, order: usize) -> bool {
        match self.orders[order].state {
            State::Unknown | State::Completed => false,
            State::Cancelled => true,
            State::Created | State::Paid => {
                self.orders[order].state = State::Cancelled;
                self.log.push(Event::Cancelled { order });
                true
            }
        }
    }

    fn refund(&mut self, order: usize, yuan: i64, pieces: i64) -> bool {
        match self.orders[order].state {
            State::Unknown | State::Created => {
                self.orders[order].waiting.push((yuan, pieces));
                true
            }
            State::Paid | State::Completed => self.give_back(order, yuan, pieces),
            State::Cancelled => false,
        }
    }

    /// Gives back, unless more would come back than was paid.
    fn give_back(&mut self, order: usize, yuan: i64, pieces: i64) -> bool {
        let it = &mut self.orders[order];
        if it.refunded + yuan > it.total {
            return false;
        }
        it.refunded += yuan;
        self.log.push(Event::Refunded { order, yuan, so_far: it.refunded, total: it.total, pieces });
        true
    }
}
