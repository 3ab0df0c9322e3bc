//! A gate before handlers that compute, wait, fail and are dropped, on several threads.

use sluicegate::Why;
use sluicegate_tower::{BoxError, Gate, Refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};

/// Computes for this time.
fn burn(time: Duration) {
    let before = Instant::now();
    while before.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_calls_do_each_is_counted_once_and_none_waits_for_ever() {
    let gate = Gate::target(Duration::from_millis(20))
        .concurrency(2..=64)
        .class(|call: &u64| (call % 3) as u8)
        .client(|call: &u64| Some(call % 7))
        .deadline(|call: &u64| call.is_multiple_of(5).then_some(Duration::from_millis(5)))
        .refuse_as_error();
    let service = gate.layer(service_fn(|call: u64| async move {
        match call % 4 {
            0 => burn(Duration::from_micros(300)),
            1 => tokio::time::sleep(Duration::from_millis(2)).await,
            2 => {
                tokio::task::yield_now().await;
                burn(Duration::from_micros(50));
            }
            _ => {}
        }
        assert!(!call.is_multiple_of(101), "as it was told");
        Ok::<_, BoxError>(())
    }));
    let counts: Arc<[AtomicU64; 4]> = Arc::default();
    let mut users = JoinSet::new();
    for user in 0..64_u64 {
        let (service, counts) = (service.clone(), Arc::clone(&counts));
        users.spawn(async move {
            for n in 0..100 {
                let call = user * 100 + n;
                let asked = tokio::spawn(service.clone().oneshot(call));
                if call.is_multiple_of(11) {
                    asked.abort();
                }
                let at = match asked.await {
                    Ok(Ok(())) => 0,
                    Ok(Err(error)) => 1 + usize::from(!error.is::<Refused>()),
                    // It panicked or was aborted.
                    Err(_) => 3,
                };
                counts[at].fetch_add(1, Relaxed);
            }
        });
    }
    while users.join_next().await.is_some() {}
    let [answered, refused, failed, lost] = counts.each_ref().map(|count| count.load(Relaxed));
    assert_eq!((answered + refused + lost, failed), (6400, 0));
    let seen = gate.snapshot();
    assert_eq!((seen.waiting, seen.running, seen.finished), (0, 0, answered));
    let told = seen.admission.refused.total() - seen.admission.refused[Why::Gone];
    // What is aborted when it was refused and has not told yet is lost to its user.
    assert!(told >= refused, "{told} {refused}");
    let all = seen.admission.refused.total() + seen.finished + seen.ended.total();
    assert_eq!(seen.admission.offered, all);
    assert!(all <= 6400 && all >= answered + refused, "{all}");
}
