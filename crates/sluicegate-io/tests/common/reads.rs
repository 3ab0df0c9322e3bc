//! Hears what a stage `disk` has read.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use sluicegate::{Batch, Cx, Domain, Net, Outlet, from_fn, stage};
use sluicegate_io::ReadDone;

/// Adds a stage that ends the flows of answers, and passes these on to a test.
pub fn answers(net: &mut Net, cpu: Domain, done: Outlet<ReadDone>) -> Receiver<ReadDone> {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let answered = stage("answered", move || {
        let tell = tell.lock().unwrap().clone();
        from_fn(move |batch: Batch<'_, ReadDone>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, done) = event.split();
                // Who ended the test listens no more.
                let _ = tell.send(done);
                tag.finish();
            }
        })
    });
    let answered = net.add(answered.on(cpu));
    net.wire(done, answered.inlet);
    told
}
