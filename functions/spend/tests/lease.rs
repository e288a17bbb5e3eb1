//! Workers in any order, dead or alive: no cap is passed, and everything comes back.

#![expect(clippy::expect_used, reason = "tests may panic")]

use proptest::prelude::*;
use spend::lease::{Ending, Lease, Refusal, State, Used, chunk};
use spend::model::{Account, Amount, Caps, Scope};

/// What may happen next, to which of the workers.
#[derive(Clone, Debug)]
enum Event {
    Hold {
        need: Amount,
        calls: u16,
    },
    Begin(usize, Amount),
    Settle(usize, Outcome),
    Close(usize),
    /// Time passes, and who is silent is taken for dead.
    Reclaim(usize),
    Amend(usize, Outcome),
}

/// Parts of a hundred of what the call could use at most.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Nothing,
    Unknown,
    Part(i64),
}

fn used(outcome: Outcome, most: Amount) -> Used {
    match outcome {
        Outcome::Nothing => Used::Nothing,
        Outcome::Unknown => Used::Unknown,
        Outcome::Part(n) => {
            Used::Counted(Amount::new(most.tokens * n / 100, most.micros * n / 100))
        }
    }
}

fn amount() -> impl Strategy<Value = Amount> {
    (0_i64..400, 0_i64..400).prop_map(|(tokens, micros)| Amount::new(tokens, micros))
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = || {
        prop_oneof![
            Just(Outcome::Nothing),
            Just(Outcome::Unknown),
            (0_i64..=100).prop_map(Outcome::Part)
        ]
    };
    let who = || 0_usize..12;
    prop_oneof![
        (amount(), 1_u16..6).prop_map(|(need, calls)| Event::Hold { need, calls }),
        (who(), amount()).prop_map(|(n, most)| Event::Begin(n, most)),
        (who(), outcome()).prop_map(|(n, used)| Event::Settle(n, used)),
        who().prop_map(Event::Close),
        who().prop_map(Event::Reclaim),
        (who(), outcome()).prop_map(|(n, used)| Event::Amend(n, used)),
    ]
}

struct Book {
    account: Account,
    leases: Vec<Lease>,
}

impl Book {
    fn end(&mut self, ending: Ending) {
        self.account.taken = self.account.taken + ending.taken;
        self.account.spent = self.account.spent + ending.spent;
    }

    fn apply(&mut self, event: &Event, now: i64) {
        if let Event::Hold { need, calls } = event {
            if self.account.allows(&Scope::Tenant, *need).is_ok() {
                let held = chunk(*need, *calls, self.account.left());
                self.account.taken = self.account.taken + held;
                self.leases.push(Lease::new(held, now + 10));
            }
            return;
        }
        let (Event::Begin(n, _)
        | Event::Settle(n, _)
        | Event::Close(n)
        | Event::Reclaim(n)
        | Event::Amend(n, _)) = event
        else {
            return;
        };
        let Some(lease) = self.leases.get_mut(*n) else { return };
        let most = lease.open.unwrap_or_default();
        match event {
            Event::Begin(_, most) => {
                let fits = most.fits(lease.rest());
                let free = lease.state == State::Open && lease.open.is_none();
                assert_eq!(lease.begin(*most, now + 10).is_ok(), fits && free);
            }
            Event::Settle(_, outcome) if lease.state == State::Open => {
                lease.settle(used(*outcome, most));
            }
            Event::Close(_) if lease.state == State::Open => {
                let ending = lease.close();
                self.end(ending);
            }
            Event::Reclaim(_) => {
                let due = lease.state == State::Open && lease.until < now;
                // Its worker may be known to be gone before its time is over.
                if due {
                    let ending = lease.reclaim().expect("it is open");
                    self.end(ending);
                }
            }
            Event::Amend(_, outcome) => {
                if let Ok(ending) = lease.amend(used(*outcome, most)) {
                    self.end(ending);
                }
            }
            _ => {}
        }
    }

    fn check(&self) {
        let Account { caps, taken, spent, .. } = &self.account;
        let cap = caps.left(Amount::NOTHING);
        assert!(taken.fits(cap), "{taken:?} of {cap:?}");
        assert!(spent.fits(*taken) && spent.is_valid());
        let open = |lease: &&Lease| lease.state == State::Open;
        let held = self.leases.iter().filter(open).fold(Amount::NOTHING, |sum, l| sum + l.held);
        assert_eq!(self.account.held(), held, "what is held is what open leases hold");
        let ended = self.leases.iter().filter(|lease| !open(lease));
        assert_eq!(*spent, ended.fold(Amount::NOTHING, |sum, l| sum + l.used), "to the last unit");
        for lease in &self.leases {
            assert!(lease.used.fits(lease.held), "{lease:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_passes_a_cap_or_loses_a_unit(
        cap in amount(), events in prop::collection::vec(event(), 1..60),
    ) {
        let caps = Caps { tokens: Some(cap.tokens), micros: Some(cap.micros) };
        let account = Account { caps, ..Account::default() };
        let mut book = Book { account, leases: Vec::new() };
        for (now, event) in events.iter().enumerate() {
            book.apply(event, i64::try_from(now).unwrap());
            book.check();
        }
        // Everybody falls silent.
        for n in 0..book.leases.len() {
            book.apply(&Event::Reclaim(n), 1_000);
        }
        book.check();
        prop_assert_eq!(book.account.held(), Amount::NOTHING, "everything comes back");
    }

    #[test]
    fn a_chunk_is_enough_and_never_more_than_is_free(
        need in amount(), calls in 0_u16..20, more in amount(),
    ) {
        let free = need + more;
        let chunk = chunk(need, calls, free);
        prop_assert!(need.fits(chunk) && chunk.fits(free));
    }
}

#[test]
fn a_lease_is_reclaimed_once_and_its_call_counts_as_all_it_could_use() {
    let mut lease = Lease::new(Amount::new(100, 100), 10);
    lease.begin(Amount::new(30, 40), 20).unwrap();
    let ending = lease.reclaim().expect("it is open");
    assert_eq!((ending.taken, ending.spent), (Amount::new(-70, -60), Amount::new(30, 40)));
    assert_eq!(lease.reclaim(), Err(Refusal::Over));
    assert_eq!(lease.begin(Amount::NOTHING, 30), Err(Refusal::Over));
    let known = lease.amend(Used::Counted(Amount::new(10, 10))).unwrap();
    assert_eq!((known.taken, known.spent), (Amount::new(-20, -30), Amount::new(-20, -30)));
    assert_eq!(lease.amend(Used::Nothing), Err(Refusal::Over));
}
