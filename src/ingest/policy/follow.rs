//! What follows a request that did not succeed.

use std::time::Duration;

use super::verdict::{Reason, Verdict};
use crate::props::{Fallback, InDoubt};

/// The settings that decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Requests of one call at most.
    pub(crate) attempts: u32,
    pub(crate) in_doubt: InDoubt,
    /// When streaming is off for the table or the cluster.
    pub(crate) unavailable: Fallback,
    /// When the database, the table or the mapping is not found: streaming learns of new ones later than the queue.
    pub(crate) schema_lag: Fallback,
}

/// Where a call is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// How many requests it has made.
    pub(crate) made: u32,
    /// Time until its deadline.
    pub(crate) left: Option<Duration>,
    /// Whether it may be queued: in managed ingestion only.
    pub(crate) may_queue: bool,
    /// How long the service asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Chance, from 0 to 1.
    pub(crate) chance: f64,
    /// Whether an earlier request of it may have ingested the data.
    pub(crate) is_in_doubt: bool,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Another request, after a pause.
    Again(Duration),
    Queue,
    Fail,
}

/// Ceiling of the first pause; it doubles with each attempt.
const PAUSE: Duration = Duration::from_millis(500);
/// Around which the first pause of a throttled call is; likewise.
const THROTTLED: Duration = Duration::from_secs(1);
/// The longest pause that a call waits for because the service asks for it; for a longer one its caller may have
/// something better to do.
const LONGEST: Duration = Duration::from_secs(30);
/// The same where the queue is the better choice.
const LONGEST_BEFORE_QUEUE: Duration = Duration::from_secs(10);
/// What an attempt needs of the time that is left.
const FOR_ATTEMPT: Duration = Duration::from_secs(1);
/// The same for the queue.
const FOR_QUEUE: Duration = Duration::from_secs(5);

/// What the first attempt needs: a request that is cut off as soon as it is sent leaves only doubt.
const FOR_FIRST: Duration = Duration::from_millis(100);

/// Whether a call with this much time left begins a request.
pub(crate) fn is_in_time(left: Option<Duration>) -> bool {
    left.is_none_or(|left| left >= FOR_FIRST)
}

/// How long a call waits for its turn; `None` for as long as it may take. Where the queue is the other choice, it is left
/// the time that it needs.
pub(crate) fn time_to_wait(left: Option<Duration>, may_queue: bool) -> Option<Duration> {
    left.filter(|_| may_queue)?
        .checked_sub(FOR_QUEUE + FOR_ATTEMPT)
}

/// What follows the verdict on a request, unless it is a success.
pub(crate) fn follow(verdict: Verdict, rules: &Rules, moment: &Moment) -> Next {
    // Doubt of an earlier request that was sent again goes no further either.
    let may_queue = moment.may_queue && (!moment.is_in_doubt || rules.in_doubt == InDoubt::Queue);
    let queue = || match may_queue && moment.left.is_none_or(|left| left >= FOR_QUEUE) {
        true => Next::Queue,
        false => Next::Fail,
    };
    match verdict {
        Verdict::Done => Next::Fail,
        Verdict::Retry(reason) => again(reason, rules, moment).unwrap_or_else(queue),
        Verdict::Queue(reason) if reason.is_off() && rules.unavailable == Fallback::Fail => {
            Next::Fail
        }
        Verdict::Queue(_) => queue(),
        Verdict::Refused(Reason::NotFound) if rules.schema_lag == Fallback::Queue => queue(),
        Verdict::Refused(_) => Next::Fail,
        Verdict::Doubt(reason) => match rules.in_doubt {
            InDoubt::Fail => Next::Fail,
            InDoubt::Retry => again(reason, rules, moment).unwrap_or(Next::Fail),
            InDoubt::Queue => queue(),
        },
    }
}

/// Another attempt, if there may be one.
fn again(reason: Reason, rules: &Rules, moment: &Moment) -> Option<Next> {
    if moment.made >= rules.attempts {
        return None;
    }
    let longest = match moment.may_queue {
        true => LONGEST_BEFORE_QUEUE,
        false => LONGEST,
    };
    if moment.retry_after.is_some_and(|asked| asked > longest) {
        return None;
    }
    let pause = pause(reason, moment).min(longest);
    let is_in_time = moment
        .left
        .is_none_or(|left| left > pause.saturating_add(FOR_ATTEMPT));
    is_in_time.then_some(Next::Again(pause))
}

/// As random as it can be, so that clients which failed together do not return together; never before the time that
/// the service asks for.
fn pause(reason: Reason, moment: &Moment) -> Duration {
    let doubled = 1 << moment.made.saturating_sub(1).min(8);
    let own = match reason {
        Reason::Throttled => (THROTTLED * doubled).mul_f64(0.5 + moment.chance),
        _ => (PAUSE * doubled).mul_f64(moment.chance),
    };
    match (reason, moment.retry_after) {
        // Spread behind it, by at most half a second.
        (Reason::Throttled, Some(asked)) => asked + (PAUSE).mul_f64(moment.chance),
        (_, Some(asked)) => asked.max(own),
        (_, None) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        attempts: 3,
        in_doubt: InDoubt::Fail,
        unavailable: Fallback::Queue,
        schema_lag: Fallback::Fail,
    };
    const MANAGED: Moment = Moment {
        made: 1,
        left: None,
        may_queue: true,
        retry_after: None,
        chance: 1.0,
        is_in_doubt: false,
    };
    const STREAMING: Moment = Moment {
        may_queue: false,
        ..MANAGED
    };
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_the_queue_takes_is_queued_in_managed_mode_only() {
        for reason in [
            Reason::TableOff,
            Reason::ClusterOff,
            Reason::ClusterPaused,
            Reason::NoEndpoint,
            Reason::TableConfig,
            Reason::TooLarge,
            Reason::Unreached,
        ] {
            let verdict = Verdict::Queue(reason);
            assert_eq!(follow(verdict, &RULES, &MANAGED), Next::Queue, "{reason:?}");
            assert_eq!(
                follow(verdict, &RULES, &STREAMING),
                Next::Fail,
                "{reason:?}"
            );
        }
    }

    #[test]
    fn what_the_queue_would_not_take_is_an_error_in_both() {
        for reason in [
            Reason::Auth,
            Reason::Forbidden,
            Reason::NotFound,
            Reason::BadData,
            Reason::Other,
            Reason::Protocol,
        ] {
            for moment in [MANAGED, STREAMING] {
                let next = follow(Verdict::Refused(reason), &RULES, &moment);
                assert_eq!(next, Next::Fail, "{reason:?}");
            }
        }
    }

    #[test]
    fn streaming_that_is_off_is_an_error_where_that_was_asked_for() {
        let rules = Rules {
            unavailable: Fallback::Fail,
            ..RULES
        };
        let next = |reason| follow(Verdict::Queue(reason), &rules, &MANAGED);
        assert_eq!(next(Reason::TableOff), Next::Fail);
        assert_eq!(next(Reason::NoEndpoint), Next::Fail);
        assert_eq!(next(Reason::TableConfig), Next::Queue);
        assert_eq!(next(Reason::TooLarge), Next::Queue);
    }

    #[test]
    fn a_new_table_is_queued_where_that_was_asked_for() {
        let rules = Rules {
            schema_lag: Fallback::Queue,
            ..RULES
        };
        let verdict = Verdict::Refused(Reason::NotFound);
        assert_eq!(follow(verdict, &rules, &MANAGED), Next::Queue);
        assert_eq!(follow(verdict, &rules, &STREAMING), Next::Fail);
        let verdict = Verdict::Refused(Reason::BadData);
        assert_eq!(follow(verdict, &rules, &MANAGED), Next::Fail);
    }

    #[test]
    fn attempts_are_counted_and_then_the_queue_is_next() {
        let verdict = Verdict::Retry(Reason::Transient);
        for (made, pause) in [(1, PAUSE), (2, PAUSE * 2)] {
            let moment = |moment| Moment { made, ..moment };
            for moment in [moment(MANAGED), moment(STREAMING)] {
                assert_eq!(follow(verdict, &RULES, &moment), Next::Again(pause));
            }
        }
        let last = |moment| Moment { made: 3, ..moment };
        assert_eq!(follow(verdict, &RULES, &last(MANAGED)), Next::Queue);
        assert_eq!(follow(verdict, &RULES, &last(STREAMING)), Next::Fail);
    }

    #[test]
    fn the_time_that_is_left_bounds_attempts_and_the_queue() {
        let verdict = Verdict::Retry(Reason::Transient);
        let next = |left| {
            let left = Some(left);
            follow(verdict, &RULES, &Moment { left, ..MANAGED })
        };
        assert_eq!(next(PAUSE + FOR_ATTEMPT * 2), Next::Again(PAUSE));
        assert_eq!(next(PAUSE + FOR_ATTEMPT), Next::Fail);
        let made = Moment {
            made: 3,
            left: Some(FOR_QUEUE),
            ..MANAGED
        };
        assert_eq!(follow(verdict, &RULES, &made), Next::Queue);
    }

    #[test]
    fn the_service_says_how_long_to_wait() {
        let verdict = Verdict::Retry(Reason::Throttled);
        let next = |moment: Moment, seconds| {
            let retry_after = Some(SECOND * seconds);
            let moment = Moment {
                retry_after,
                chance: 0.0,
                ..moment
            };
            follow(verdict, &RULES, &moment)
        };
        assert_eq!(next(MANAGED, 2), Next::Again(SECOND * 2));
        assert_eq!(next(MANAGED, 10), Next::Again(SECOND * 10));
        assert_eq!(next(MANAGED, 11), Next::Queue);
        assert_eq!(next(STREAMING, 30), Next::Again(SECOND * 30));
        assert_eq!(next(STREAMING, 31), Next::Fail);
        // Without its word: one second, then two, by half more or less.
        for (made, chance, pause) in [(1, 0.0, 500), (1, 1.0, 1500), (2, 0.5, 2000)] {
            let moment = Moment {
                made,
                chance,
                ..STREAMING
            };
            let pause = Duration::from_millis(pause);
            assert_eq!(follow(verdict, &RULES, &moment), Next::Again(pause));
        }
    }

    #[test]
    fn doubt_is_followed_only_where_that_was_asked_for() {
        let verdict = Verdict::Doubt(Reason::Unanswered);
        let next = |in_doubt, moment| follow(verdict, &Rules { in_doubt, ..RULES }, &moment);
        let last = Moment { made: 3, ..MANAGED };
        assert_eq!(next(InDoubt::Fail, MANAGED), Next::Fail);
        assert_eq!(next(InDoubt::Retry, MANAGED), Next::Again(PAUSE));
        assert_eq!(next(InDoubt::Retry, STREAMING), Next::Again(PAUSE));
        // Within streaming, and not beyond it.
        assert_eq!(next(InDoubt::Retry, last), Next::Fail);
        assert_eq!(next(InDoubt::Queue, MANAGED), Next::Queue);
        assert_eq!(next(InDoubt::Queue, STREAMING), Next::Fail);
        // What a later request says does not change what an earlier one may have done.
        for (in_doubt, expected) in [(InDoubt::Retry, Next::Fail), (InDoubt::Queue, Next::Queue)] {
            for verdict in [
                Verdict::Queue(Reason::TooLarge),
                Verdict::Retry(Reason::Transient),
            ] {
                let rules = Rules { in_doubt, ..RULES };
                let doubted = Moment {
                    is_in_doubt: true,
                    ..last
                };
                assert_eq!(follow(verdict, &rules, &doubted), expected, "{verdict:?}");
            }
        }
    }

    #[test]
    fn no_pause_is_longer_than_the_service_may_ask_for() {
        for reason in [Reason::Throttled, Reason::Transient] {
            for (moment, longest) in [(MANAGED, LONGEST_BEFORE_QUEUE), (STREAMING, LONGEST)] {
                let moment = Moment { made: 9, ..moment };
                let rules = Rules {
                    attempts: 10,
                    ..RULES
                };
                let next = follow(Verdict::Retry(reason), &rules, &moment);
                assert_eq!(next, Next::Again(longest), "{reason:?}");
            }
        }
    }

    #[test]
    fn a_turn_is_waited_for_as_long_as_the_queue_can_still_take_the_data() {
        let wait = |seconds| time_to_wait(Some(SECOND * seconds), true);
        assert_eq!(wait(30), Some(SECOND * 24));
        // The queue has no time either.
        assert_eq!(wait(5), None);
        assert_eq!(time_to_wait(None, true), None);
        assert_eq!(time_to_wait(Some(SECOND * 30), false), None);
        assert!(is_in_time(None) && is_in_time(Some(FOR_FIRST)));
        assert!(!is_in_time(Some(FOR_FIRST / 2)));
    }
}
