//! Hears what a stage `disk` has answered.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use sluicegate::{Batch, Cx, Domain, Net, Outlet, from_fn, stage};
use sluicegate_io::{Disk, ReadDone, SyncDone, WriteDone};

/// The answers of a stage, in the order in which they came.
pub struct Answers {
    pub read: Receiver<ReadDone>,
    pub written: Receiver<WriteDone>,
    pub synced: Receiver<SyncDone>,
}

/// Adds stages that end the flows of answers, and pass these on to a test.
pub fn answers(net: &mut Net, cpu: Domain, disk: Disk) -> Answers {
    Answers {
        read: hear(net, cpu, "read", disk.read),
        written: hear(net, cpu, "written", disk.written),
        synced: hear(net, cpu, "synced", disk.synced),
    }
}

fn hear<T>(net: &mut Net, cpu: Domain, name: &str, from: Outlet<T>) -> Receiver<T>
where
    T: Send + 'static,
{
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let heard = stage(name, move || {
        let tell = tell.lock().unwrap().clone();
        from_fn(move |batch: Batch<'_, T>, _: &mut Cx<'_, ()>| {
            for event in batch {
                let (tag, done) = event.split();
                // Who ended the test listens no more.
                let _ = tell.send(done);
                tag.finish();
            }
        })
    });
    let heard = net.add(heard.on(cpu));
    net.wire(from, heard.inlet);
    told
}
