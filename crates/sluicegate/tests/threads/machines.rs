//! Machines, policies, flags and futures of real workers.

use crate::common::*;

#[test]
fn a_machine_that_cannot_be_made_stops_the_start() {
    for panics in [false, true] {
        let mut net = Net::new("machine");
        let cpu = net
            .domain("cpu")
            .machine(move |worker| match (worker, panics) {
                (0, _) => Ok(Park::new()),
                (_, true) => panic!("no machine"),
                (_, false) => Err("no machine".into()),
            })
            .pinned(2);
        net.add(stage("end", end).on(cpu));
        let Err(StartError::Machine { domain, worker, .. }) = net.run() else {
            panic!("it must not start");
        };
        assert_eq!((domain.as_str(), worker), ("cpu", 1));
    }
}

/// A policy that panics when there is something to do for the second time.
#[derive(Default)]
struct Broken(bool);

impl Policy for Broken {
    fn next(&mut self, ready: Ready, _: &Stages<'_>) -> Next {
        assert!(!std::mem::replace(&mut self.0, true), "broken");
        ready.nearest_exit().into()
    }
}

#[test]
fn a_policy_that_panics_stops_the_net() {
    let mut net = Net::new("broken");
    let cpu = net.domain("cpu").policy(Broken::default).pinned(1);
    let last = net.add(stage("end", end).on(cpu));
    let entry = net.entry(last.inlet);
    let running = net.run().unwrap();
    let entered = (0..10_u64).filter(|&n| entry.send(n).is_ok()).count();
    let ledger = running.stop();
    assert_over(Drained { complete: true, ledger }, true);
    assert_eq!(ledger.entered, entered as u64);
}

/// A policy that puts everything off for a millisecond.
#[derive(Default)]
struct Late(Option<Time>);

impl Policy for Late {
    fn next(&mut self, ready: Ready, stages: &Stages<'_>) -> Next {
        let due = *self.0.get_or_insert(stages.now() + ms(1));
        if stages.now() < due {
            return Next::Wait(due);
        }
        self.0 = None;
        ready.nearest_exit().into()
    }
}

#[test]
fn what_is_put_off_runs_by_time_alone() {
    let mut net = Net::new("late");
    let cpu = net.domain("cpu").policy(Late::default).pinned(1);
    let pool = net.domain("pool").policy(Late::default).pool(2);
    let entries = [("end", cpu), ("ends", pool)]
        .map(|(name, place)| net.add(stage(name, end).on(place)))
        .map(|node| net.entry(node.inlet));
    let running = net.run().unwrap();
    for n in 0..20_u64 {
        entries.iter().for_each(|entry| entry.send(n).unwrap());
    }
    let drained = running.drain(LONG);
    assert_over(drained, true);
    assert_eq!(drained.ledger.finished, 40);
}

/// A machine to which another thread says something.
struct Post {
    inner: Park,
    said: Arc<AtomicU64>,
    heard: u64,
    listener: Option<sluicegate::StageId>,
}

impl Machine for Post {
    fn poll(&mut self, now: Time, wait: Wait, raised: &mut Raised) {
        self.inner.poll(now, wait, raised);
        let said = self.said.load(SeqCst);
        if let (true, Some(listener)) = (said > self.heard, self.listener) {
            self.heard = said;
            raised.raise(listener);
        }
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }
}

/// Passes on what its machine heard.
struct Reader {
    heard: Arc<AtomicU64>,
}

impl Stage for Reader {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        let stage = cx.stage();
        cx.local.get::<Post>().listener = Some(stage);
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn signal(&mut self, cx: &mut Cx<'_, ()>) {
        self.heard.store(cx.local.get::<Post>().heard, SeqCst);
    }
}

#[test]
fn a_machine_wakes_its_worker() {
    let (said, heard) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (waker, wakers) = channel();
    let waker = std::sync::Mutex::new(waker);
    let mut net = Net::new("post");
    let post = Arc::clone(&said);
    let cpu = net
        .domain("cpu")
        .machine(move |_| {
            let inner = Park::new();
            waker.lock().unwrap().send(inner.waker())?;
            Ok(Post { inner, said: Arc::clone(&post), heard: 0, listener: None })
        })
        .pinned(1);
    let ears = Arc::clone(&heard);
    net.add(stage("reader", move || Reader { heard: Arc::clone(&ears) }).on(cpu));
    let running = net.run().unwrap();
    let wake = wakers.recv().unwrap();
    for n in 1..100 {
        said.store(n, SeqCst);
        wake();
        until(&heard, n);
    }
    drop(running);
}

/// Counts how often its flag was raised from elsewhere, and gives it away.
struct Heard {
    heard: Arc<AtomicU64>,
    flag: std::sync::mpsc::SyncSender<sluicegate::Flag>,
}

impl Stage for Heard {
    type In = u64;
    type Out = ();

    fn start(&mut self, cx: &mut Cx<'_, ()>) {
        self.flag.send(cx.flag()).unwrap();
    }

    fn handle(&mut self, _: Batch<'_, u64>, _: &mut Cx<'_, ()>) {}

    fn signal(&mut self, _: &mut Cx<'_, ()>) {
        self.heard.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_flag_wakes_a_sleeping_worker_from_any_thread() {
    let heard = Arc::new(AtomicU64::new(0));
    let (flag, flags) = std::sync::mpsc::sync_channel(1);
    let mut net = Net::new("flag");
    let cpu = net.domain("cpu").pinned(1);
    let ears = Arc::clone(&heard);
    let make = move || Heard { heard: Arc::clone(&ears), flag: flag.clone() };
    net.add(stage("heard", make).on(cpu));
    let running = net.run().unwrap();
    let flag = flags.recv().unwrap();
    for n in 1..1000 {
        flag.raise();
        until(&heard, n);
    }
    drop(running);
}

/// Ready when another thread has heard of it.
struct Asked(Option<Sender<(Arc<AtomicBool>, task::Waker)>>, Arc<AtomicBool>);

impl Future for Asked {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<()> {
        if let Some(asks) = self.0.take() {
            asks.send((Arc::clone(&self.1), task.waker().clone())).unwrap();
        }
        if self.1.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn what_waits_for_other_threads_goes_on_when_they_wake_it() {
    // At most as many questions as there are places: the channel is bounded by them.
    let (asks, asked) = channel::<(Arc<AtomicBool>, task::Waker)>();
    let answers = thread::spawn(move || {
        for (ready, waker) in asked {
            ready.store(true, SeqCst);
            waker.wake();
        }
    });
    let count = Arc::new(AtomicU64::new(0));
    let mut net = Net::new("elsewhere");
    let cpu = net.domain("cpu").pinned(2);
    let waits = move || {
        let asks = asks.clone();
        from_async_fn(8, async move |event: Event<u64>, _: AsyncCx| {
            Asked(Some(asks.clone()), Arc::default()).await;
            event
        })
    };
    let waits = net.add(stage("waits", waits).on(cpu).queue(bounded(64)));
    let ends = Arc::clone(&count);
    let end = net.add(stage("end", move || counting(&ends)).on(cpu));
    net.wire(waits.out, end.inlet);
    let entry = net.entry(waits.inlet);
    let running = net.run().unwrap();
    let mut sent = 0;
    while sent < 5000 {
        sent += u64::from(entry.send(sent).is_ok());
    }
    until(&count, sent);
    assert_over(running.drain(Duration::from_secs(20)), true);
    drop(entry);
    answers.join().unwrap();
}
