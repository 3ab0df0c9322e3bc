//! Handlers that hang or sleep, and what a thread does first.

use crate::common::*;

/// Waits for a word before it finishes a flow; events that are odd need none.
fn obedient(words: &Arc<Mutex<Receiver<()>>>) -> impl Stage<In = u64, Out = ()> + use<> {
    let words = Arc::clone(words);
    from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
        for event in batch {
            let (tag, n) = event.split();
            if n % 2 == 0 {
                words.lock().unwrap().recv_timeout(LONG).unwrap();
            }
            tag.finish();
        }
    })
}

#[test]
fn a_handler_that_hangs_is_named_once_while_it_does() {
    for is_pool in [false, true] {
        let mut net = Net::new("hangs");
        let domain = match is_pool {
            false => net.domain("own").pinned(1),
            true => net.domain("own").pool(1),
        };
        let (word, words) = channel();
        let words = Arc::new(Mutex::new(words));
        let hangs = stage("hangs", move || obedient(&words)).on(domain).stall(ms(20));
        let entry = {
            let inlet = net.add(hangs).inlet;
            net.entry(inlet)
        };
        let (tell, told): (Sender<Stall>, _) = channel();
        net.on_stall(move |stall| tell.send(stall.clone()).unwrap());
        let running = net.run().unwrap();
        let observer = running.observer();
        for n in 0..4 {
            entry.send(n).unwrap();
            if n % 2 == 1 {
                continue;
            }
            let stall = told.recv_timeout(LONG).unwrap();
            assert!(stall.time >= ms(20) && stall.what == Stalled::Hangs, "{stall}");
            assert_eq!((&*stall.stage, &*stall.domain, stall.worker), ("hangs", "own", 0));
            // As long as it hangs it is seen to.
            let seen = observer.snapshot().stalls;
            assert!(seen.len() == 1 && seen[0].time >= stall.time, "{seen:?}");
            word.send(()).unwrap();
        }
        assert_over(running.drain(LONG), true);
        assert!(observer.snapshot().stalls.is_empty(), "nothing runs any more");
        assert_eq!(told.try_iter().count(), 0, "each was named once");
    }
}

/// A machine whose thread has slept for as long as a handler says.
struct Sleepy(Park, Arc<AtomicU64>);

impl Machine for Sleepy {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.0.poll(now, wait, raised);
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }

    fn slept(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.1.load(SeqCst)))
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_handler_that_slept_in_a_pinned_domain_is_named_once() {
    let mut net = Net::new("sleepy");
    let slept = Arc::new(AtomicU64::new(0));
    let machine = Arc::clone(&slept);
    let own = net.domain("own");
    let own = own.machine(move |_| Ok(Sleepy(Park::new(), Arc::clone(&machine)))).pinned(1);
    let make = move || {
        let slept = Arc::clone(&slept);
        from_fn(move |batch: Batch<'_, u64>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, us) = event.split();
                slept.fetch_add(us, SeqCst);
                // Whoever slept took as long; spinning is no sleep, which the machine knows.
                let began = Instant::now();
                while began.elapsed() < ms(3) {
                    thread::yield_now();
                }
                tag.finish();
            }
        })
    };
    let inlet = net.add(stage("sleepy", make).on(own).batch(1)).inlet;
    let entry = net.entry(inlet);
    let (tell, told): (Sender<Stall>, _) = channel();
    net.on_stall(move |stall| tell.send(stall.clone()).unwrap());
    let running = net.run().unwrap();
    for us in [0, 1000, 7000, 9000] {
        entry.send(us).unwrap();
    }
    assert_over(running.drain(LONG), true);
    let told: Vec<Stall> = told.try_iter().collect();
    let [stall] = &told[..] else { panic!("{told:?}") };
    assert_eq!((stall.what, &*stall.stage, stall.time), (Stalled::Slept, "sleepy", ms(7)));
    assert!(stall.to_string().contains("stage `sleepy` on own/0 slept for 7ms"), "{stall}");
}

#[test]
fn what_a_thread_does_first_is_done_by_each_and_may_keep_the_net_from_starting() {
    for fails in [false, true] {
        let (log, seen) = channel();
        let mut net = Net::new("first");
        let start = move |n: usize| match fails && n == 2 {
            true => Err(format!("no processor for {n}").into()),
            false => Ok(log.send((n, thread::current().name().map(str::to_owned)))?),
        };
        let own = net.domain("own").on_thread_start(start).pinned(3);
        net.add(stage("end", end).on(own));
        match net.run() {
            Ok(running) => drop(running),
            Err(error) => {
                let said = "worker 2 of domain `own` could not start: no processor for 2";
                assert_eq!(error.to_string(), said);
            }
        }
        let mut seen: Vec<_> = seen.try_iter().collect();
        seen.sort();
        let threads = if fails { 2 } else { 3 };
        let all = (0..threads).map(|n| (n, Some(format!("own-{n}"))));
        assert_eq!(seen, all.collect::<Vec<_>>());
    }
}
