//! All resources together, on this machine and on one that is made of files.
use super::*;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A file system of one test.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sluicegate-io-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let root = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(root.0.join("proc/self")).expect("it can be written");
        fs::create_dir_all(root.0.join("proc/pressure")).expect("it can be written");
        root
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), text).expect("it can be written");
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_gauge_says_the_share_of_its_budget_and_nothing_where_a_file_is_not_what_it_was() {
    let root = Root::new();
    let all = [Budget::Memory(1 << 20), Budget::CpuPressure(50)].map(Resource::new);
    let mut reader = Reader::new(&root.0, &all, Arc::default());
    let mut used = || {
        reader.read(Time(0));
        all.each_ref().map(|resource| resource.gauge().used())
    };
    assert_eq!(used(), [None, None], "there are no files");
    root.write("proc/self/status", "VmRSS:  512 kB\n");
    root.write("proc/pressure/cpu", "some avg10=75.00 avg60=0.00 avg300=0.00 total=0\n");
    assert_eq!(used(), [Some(0.5), Some(1.5)]);
    root.write("proc/self/status", b"VmRSS:\xff\xfe kB");
    root.write("proc/pressure/cpu", "");
    assert_eq!(used(), [None, None], "what was known is not kept");
}

#[test]
fn this_machine_tells_what_it_can() {
    let threads = Arc::new(Threads::default());
    threads.add_this();
    let budgets = [
        Budget::Memory(1),
        Budget::Descriptors(1),
        Budget::RunDelay(Duration::ZERO),
        Budget::CpuPressure(0),
    ];
    let all = budgets.map(Resource::new);
    let mut reader = Reader::new(Path::new("/"), &all, threads);
    reader.read(Time(0));
    reader.read(Time(1_000_000_000));
    let [memory, descriptors, ..] = &all;
    assert!(memory.gauge().used() > Some(4096.0), "a process is in memory");
    assert!(descriptors.gauge().used() >= Some(1.0), "something is open");
    let names = all.each_ref().map(|resource| resource.gauge().name());
    assert_eq!(names, ["memory", "descriptors", "run-delay", "cpu-pressure"]);
    for resource in &all {
        // The kernel may have been made without some of them; what it tells is a number.
        assert!(resource.gauge().used().is_none_or(|used| used >= 0.0), "{resource:?}");
    }
}
