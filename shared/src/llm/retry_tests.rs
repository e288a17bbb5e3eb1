//! The retry policy under a clock that is moved by hand.

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// Without chance: every pause is as long as it may be.
static POLICY: Policy =
    Policy { calls: 3, pause: Duration::from_millis(500), jitter: |most| most, pays_again: true };

fn passing() -> Failure {
    Failure::passing(anyhow!("no answer"))
}

#[tokio::test(start_paused = true)]
async fn f19_an_answer_after_two_failures_counts_three_calls() {
    let started = Instant::now();
    let answer = run(&POLICY, started + MINUTE, async move |call| match call {
        3 => Ok("yes"),
        _ => Err(passing()),
    });
    assert_eq!(answer.await.expect("an answer"), ("yes", 3));
    assert_eq!(started.elapsed(), Duration::from_millis(500 + 1000));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_had_died_is_replaced_at_once_but_only_once() {
    let started = Instant::now();
    let answer = run(&POLICY, started + MINUTE, async move |call| match call {
        3 => Ok(()),
        _ => Err(Failure { again: Again::Now, ..passing() }),
    });
    answer.await.expect("an answer");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn f19_there_is_no_fourth_call() {
    let mut made = 0;
    let answer = run(&POLICY, Instant::now() + MINUTE, |call| {
        made = call;
        async { Err::<(), _>(passing()) }
    });
    assert!(matches!(answer.await, Err(Error::Unavailable(_))));
    assert_eq!(made, 3);
}

#[tokio::test(start_paused = true)]
async fn f19_a_last_word_is_not_asked_again() {
    let mut made = 0;
    let answer = run(&POLICY, Instant::now() + MINUTE, |call| {
        made = call;
        async { Err::<(), _>(Failure::last("no")) }
    });
    assert!(matches!(answer.await, Err(Error::ModelRefused(_))));
    assert_eq!(made, 1);
}

#[tokio::test(start_paused = true)]
async fn f19_a_requested_wait_is_kept_in_full() {
    let started = Instant::now();
    let policy = Policy { jitter: |_| Duration::ZERO, ..Policy::default() };
    let answer = run(&policy, started + MINUTE, async move |call| match call {
        1 => Err(passing().after(Some(Duration::from_secs(7)))),
        _ => Ok(()),
    });
    answer.await.expect("an answer");
    assert_eq!(started.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn f19_a_wait_beyond_the_deadline_is_not_begun() {
    let started = Instant::now();
    let answer = run(&POLICY, started + MINUTE, async |_| {
        Err::<(), _>(passing().after(Some(Duration::from_secs(u64::from(u32::MAX)))))
    });
    assert!(matches!(answer.await, Err(Error::Unavailable(_))));
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn f19_the_deadline_ends_a_call_that_never_answers() {
    let started = Instant::now();
    let answer = run(&POLICY, started + MINUTE, async |_| {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(matches!(answer.await, Err(Error::Unavailable(_))));
    assert_eq!(started.elapsed(), MINUTE);
}

#[test]
fn f19_retry_after_is_read_in_seconds_and_as_a_date() {
    let date = Some("Mon, 23 Nov 2026 10:00:00 GMT");
    assert_eq!(retry_after("12", None), Some(Duration::from_secs(12)));
    let later = retry_after("Mon, 23 Nov 2026 10:00:30 GMT", date);
    assert_eq!(later, Some(Duration::from_secs(30)));
    let past = retry_after("Mon, 23 Nov 2026 09:00:00 GMT", date);
    assert_eq!(past, Some(Duration::ZERO));
    for nonsense in ["", "soon", "-1", "1e9", "99999999999999999999"] {
        assert_eq!(retry_after(nonsense, date), None, "{nonsense}");
    }
}

#[test]
fn jitter_stays_below_its_bound_and_differs() {
    let most = Duration::from_secs(1);
    let drawn: Vec<_> = (0..100).map(|_| full_jitter(most)).collect();
    assert!(drawn.iter().all(|wait| *wait <= most));
    assert!(drawn.iter().any(|wait| *wait != drawn[0]));
}
