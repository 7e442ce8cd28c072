use super::*;
use crate::error::{ErrorKind, Step};

const SECOND: Duration = Duration::from_secs(1);

fn name(table: &str) -> Name {
    Name::new("Db", table)
}

fn cause() -> Error {
    Error::new(ErrorKind::Service, Step::StreamData, "it is off")
}

fn ticket<'a>(states: &'a TableStates, table: &str, now: Instant) -> Ticket<'a> {
    match states.admit(name(table), true, now) {
        Admission::Open(ticket) => ticket,
        Admission::Closed(barrier) => panic!("{table} is closed: {barrier:?}"),
    }
}

fn is_open(states: &TableStates, table: &str, now: Instant) -> bool {
    matches!(states.admit(name(table), true, now), Admission::Open(_))
}

/// The states after a call to the table `T` that failed in this way.
fn after(reason: Reason, now: Instant) -> TableStates {
    let states = TableStates::default();
    let begins = ticket(&states, "T", now).failed((reason, true), None, &cause(), now);
    assert!(begins, "{reason:?}");
    states
}

#[test]
fn each_reason_has_its_window_for_its_table_or_for_all() {
    let now = Instant::now();
    for (reason, seconds, of_cluster) in [
        (Reason::TableOff, 900, false),
        (Reason::TableConfig, 900, false),
        (Reason::NotFound, 60, false),
        (Reason::Throttled, 10, false),
        (Reason::ClusterOff, 900, true),
        (Reason::ClusterPaused, 60, true),
        (Reason::NoEndpoint, 60, true),
        (Reason::Unreached, 60, true),
    ] {
        let states = after(reason, now);
        let end = now + SECOND * seconds;
        assert!(!is_open(&states, "T", end - SECOND), "{reason:?}");
        assert_eq!(
            is_open(&states, "Other", end - SECOND),
            !of_cluster,
            "{reason:?}"
        );
        assert!(is_open(&states, "T", end), "{reason:?}");
        states.forget(&name("T"));
        assert!(is_open(&states, "T", now), "{reason:?}");
    }
}

#[test]
fn what_says_nothing_about_the_table_leaves_it_open() {
    let now = Instant::now();
    for reason in [
        Reason::TooLarge,
        Reason::Transient,
        Reason::Unanswered,
        Reason::BadData,
    ] {
        let states = TableStates::default();
        assert!(!ticket(&states, "T", now).failed((reason, true), None, &cause(), now));
        assert!(is_open(&states, "T", now), "{reason:?}");
    }
}

#[test]
fn the_service_can_ask_for_a_longer_pause() {
    let now = Instant::now();
    let states = TableStates::default();
    let throttled = |seconds: u32, now| {
        ticket(&states, "T", now).failed(
            (Reason::Throttled, true),
            Some(SECOND * seconds),
            &cause(),
            now,
        )
    };
    throttled(25, now);
    assert!(!is_open(&states, "T", now + SECOND * 24));
    let later = now + SECOND * 25;
    throttled(1, later);
    assert!(!is_open(&states, "T", later + SECOND * 9));
    assert!(is_open(&states, "T", later + SECOND * 10));
    throttled(u32::MAX, later + SECOND * 10);
}

#[test]
fn one_call_probes_and_the_others_wait_for_what_it_finds() {
    let now = Instant::now();
    let end = now + LONG;
    for reason in [Reason::TableOff, Reason::ClusterOff] {
        let states = after(reason, now);
        let probe = ticket(&states, "T", end);
        for _ in 0..100 {
            assert!(!is_open(&states, "T", end), "{reason:?}");
        }
        // It is still off: the next window begins, and is said once more.
        assert!(probe.failed((reason, true), None, &cause(), end));
        assert!(!is_open(&states, "T", end + SECOND));
        let probe = ticket(&states, "T", end + LONG);
        assert!(!is_open(&states, "T", end + LONG));
        probe.succeeded();
        assert!(is_open(&states, "T", end + LONG));
    }
}

#[test]
fn who_only_asks_does_not_probe() {
    let now = Instant::now();
    let states = after(Reason::TableOff, now);
    let closed = |now| states.closed(&name("T"), true, now);
    assert!(closed(now).is_some());
    let end = now + LONG;
    assert!(closed(end).is_none() && closed(end).is_none());
    let probe = ticket(&states, "T", end);
    assert!(closed(end).is_some());
    drop(probe);
    assert!(closed(end).is_none());
}

#[test]
fn a_probe_that_ends_without_a_word_lets_another_call_probe() {
    let now = Instant::now();
    for reason in [Reason::TableOff, Reason::NoEndpoint] {
        let states = after(reason, now);
        let end = now + LONG;
        drop(ticket(&states, "T", end));
        // Nothing was said about the table either.
        ticket(&states, "T", end).failed((Reason::Transient, true), None, &cause(), end);
        drop(ticket(&states, "T", end));
    }
}

#[test]
fn of_calls_that_fail_together_one_begins_the_window() {
    let now = Instant::now();
    let states = TableStates::default();
    let tickets: Vec<_> = (0..5).map(|_| ticket(&states, "T", now)).collect();
    let begun = tickets.into_iter().filter_map(|it| {
        it.failed((Reason::TableOff, true), None, &cause(), now)
            .then_some(())
    });
    assert_eq!(begun.count(), 1);
}

/// One that fails says nothing in the log of a fallback: the next that is queued does.
#[test]
fn a_window_is_said_by_the_first_call_that_is_queued() {
    let now = Instant::now();
    let states = TableStates::default();
    let failed = ticket(&states, "T", now);
    assert!(!failed.failed((Reason::TableOff, false), None, &cause(), now));
    let is_first = || states.closed(&name("T"), true, now).unwrap().is_first;
    assert!(is_first() && !is_first());
    let states = after(Reason::ClusterOff, now);
    assert!(!states.closed(&name("T"), true, now).unwrap().is_first);
}

#[test]
fn a_throttled_table_is_known_before_its_call_gives_up() {
    let now = Instant::now();
    let states = TableStates::default();
    let call = ticket(&states, "T", now);
    call.throttled(Some(SECOND), &cause(), now);
    assert!(!is_open(&states, "T", now + SECOND * 9));
    assert!(is_open(&states, "Other", now));
    call.succeeded();
    assert!(is_open(&states, "T", now));
}

#[test]
fn what_was_too_large_together_is_learned_once() {
    let now = Instant::now();
    let states = TableStates::default();
    let tickets: Vec<_> = (0..8).map(|_| ticket(&states, "T", now)).collect();
    for ticket in tickets {
        ticket.failed((Reason::TooLarge, true), None, &cause(), now);
    }
    assert_eq!(states.factor(&name("T"), now), LEARNED);
}

#[test]
fn a_call_that_does_not_heed_it_tries_each_time() {
    let now = Instant::now();
    let states = after(Reason::TableOff, now);
    assert!(matches!(
        states.admit(name("T"), false, now),
        Admission::Open(_)
    ));
    let states = after(Reason::TableConfig, now);
    assert!(matches!(
        states.admit(name("T"), false, now),
        Admission::Closed(_)
    ));
}

#[test]
fn names_are_as_they_are_spelt_and_do_not_run_together() {
    let now = Instant::now();
    let states = TableStates::default();
    let admit = |database, table| match states.admit(Name::new(database, table), true, now) {
        Admission::Open(ticket) => Some(ticket),
        Admission::Closed(_) => None,
    };
    let failed = admit("a-b", "c").unwrap();
    failed.failed((Reason::TableOff, true), None, &cause(), now);
    assert!(admit("a-b", "c").is_none());
    assert!(admit("a-b", "C").is_some());
    assert!(admit("a", "b-c").is_some());
}

#[test]
fn data_that_was_too_large_lowers_the_limit_for_a_while() {
    let now = Instant::now();
    let states = TableStates::default();
    let too_large =
        |now| ticket(&states, "T", now).failed((Reason::TooLarge, true), None, &cause(), now);
    assert_eq!(states.factor(&name("T"), now), 1.0);
    too_large(now);
    assert_eq!(states.factor(&name("T"), now), 0.75);
    too_large(now);
    assert_eq!(states.factor(&name("T"), now), 0.75 * 0.75);
    for _ in 0..20 {
        too_large(now);
    }
    assert_eq!(states.factor(&name("T"), now), LEAST_FACTOR);
    assert_eq!(states.factor(&name("Other"), now), 1.0);
    assert_eq!(states.factor(&name("T"), now + LONG), 1.0);
}

#[test]
fn the_memory_of_tables_is_bounded() {
    let now = Instant::now();
    let states = TableStates::default();
    let off = |table: &str| {
        ticket(&states, table, now).failed((Reason::TableOff, true), None, &cause(), now);
    };
    off("first");
    off("second");
    for n in 0..MAX_TABLES - 1 {
        // Used all the time: it stays.
        assert!(!is_open(&states, "first", now));
        off(&format!("T{n}"));
    }
    assert_eq!(states.lock().by_name.len(), MAX_TABLES);
    assert!(!is_open(&states, "first", now));
    assert!(is_open(&states, "second", now));
}
