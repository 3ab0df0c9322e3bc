//! Processors by their numbers, and threads that keep to them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use sluicegate::BoxError;

/// The numbers of all processors that the machine has.
const PRESENT: &str = "/sys/devices/system/cpu/present";

/// Processors by the numbers that the kernel gives them, in order: `0-3,8`, as `taskset -c` takes
/// them and `lscpu -e` shows them.
///
/// For [`on_thread_start`](sluicegate::DomainBuilder::on_thread_start) of a domain, each thread of
/// which then keeps to a processor of its own, or all to some of them:
///
/// ```no_run
/// use sluicegate_io::Cpus;
///
/// let mut net = sluicegate::Net::new("web");
/// let web = net.domain("web").on_thread_start(Cpus::of([0, 1])?.each()).pinned(2);
/// let disk = net.domain("disk").on_thread_start("2-3".parse::<Cpus>()?.any()).pool(1..=16);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
///
/// Unless told, threads go wherever the system sees fit: it moves them away from processors that
/// others keep busy, which a thread that is tied to one cannot leave. Threads that a tied one
/// starts are tied with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus(Vec<usize>);

/// What is no list of processors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCpus;

/// A processor that a thread cannot keep to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCpu {
    cpu: usize,
    /// All that there are, where it is none of them.
    present: Option<Cpus>,
    allowed: Cpus,
}

impl Cpus {
    /// These, in this order.
    ///
    /// # Errors
    /// There are none, one stands twice, or a number is larger than any can be.
    pub fn of(cpus: impl IntoIterator<Item = usize>) -> Result<Self, BadCpus> {
        let cpus: Vec<_> = cpus.into_iter().collect();
        let mut seen = BTreeSet::new();
        let fits = |&cpu: &usize| cpu < CpuSet::MAX_CPU && seen.insert(cpu);
        if cpus.is_empty() || !cpus.iter().all(fits) {
            return Err(BadCpus);
        }
        Ok(Self(cpus))
    }

    /// Those that the calling thread may run on: by its affinity, and by the control group of the
    /// process.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn allowed() -> std::io::Result<Self> {
        let set = sched_getaffinity(None)?;
        Ok(Self((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the calling thread, and what it starts, may keep to each of them.
    ///
    /// # Errors
    /// The first one that is not there or is not allowed.
    pub fn check(&self) -> Result<(), NoCpu> {
        // Where the system does not tell, it says so when a thread is to be tied.
        let Ok(allowed) = Self::allowed() else { return Ok(()) };
        let Some(&cpu) = self.0.iter().find(|cpu| !allowed.0.contains(cpu)) else {
            return Ok(());
        };
        let present = std::fs::read_to_string(PRESENT).ok();
        let present = present.and_then(|text| text.trim().parse::<Self>().ok());
        let present = present.filter(|present| !present.0.contains(&cpu));
        Err(NoCpu { cpu, present, allowed })
    }

    /// Ties each thread of a domain to one of them: the first thread to the first, and on; where
    /// there are more threads they begin anew.
    pub fn each(self) -> impl Fn(usize) -> Result<(), BoxError> + Send + Sync + 'static {
        move |thread| Self(vec![self.0[thread % self.0.len()]]).tie()
    }

    /// Ties each thread of a domain to all of them, so that it runs on whichever is free.
    pub fn any(self) -> impl Fn(usize) -> Result<(), BoxError> + Send + Sync + 'static {
        move |_| self.tie()
    }

    /// Ties the calling thread. The kernel alone would leave out what is not allowed, and say
    /// nothing.
    fn tie(&self) -> Result<(), BoxError> {
        self.check()?;
        let mut set = CpuSet::new();
        self.0.iter().for_each(|&cpu| set.set(cpu));
        let tied = sched_setaffinity(None, &set);
        tied.map_err(|error| format!("cannot keep to processor {self}: {error}").into())
    }
}

impl FromStr for Cpus {
    type Err = BadCpus;

    fn from_str(text: &str) -> Result<Self, BadCpus> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|&cpu: &usize| digits && cpu < CpuSet::MAX_CPU)
        };
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = number(first.trim()).zip(number(last.trim())).ok_or(BadCpus)?;
            if first <= last { Ok(first..=last) } else { Err(BadCpus) }
        };
        let ranges: Result<Vec<_>, BadCpus> = text.split(',').map(range).collect();
        Self::of(ranges?.into_iter().flatten())
    }
}

/// As it is typed, with ranges where numbers follow each other.
impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|before, next| before + 1 == *next);
        for (n, run) in runs.enumerate() {
            let comma = if n > 0 { "," } else { "" };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                many => write!(f, "{comma}{}-{}", many[0], many[many.len() - 1])?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for BadCpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = CpuSet::MAX_CPU - 1;
        write!(f, "not processors; accepted: numbers from 0 to {last} such as \"0-3,8\", each once")
    }
}

impl std::error::Error for BadCpus {}

impl fmt::Display for NoCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, present, allowed } = self;
        match present {
            Some(present) => {
                write!(f, "there is no processor {cpu}, this machine has {present}")?;
            }
            None => write!(f, "processor {cpu} may not be used by this process")?,
        }
        write!(f, "; accepted: {allowed}")
    }
}

impl std::error::Error for NoCpu {}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate::{Batch, Cx, Net, StartError, from_fn, stage};
    use std::sync::mpsc::channel;

    fn read(text: &str) -> Result<Vec<usize>, BadCpus> {
        text.parse().map(|cpus: Cpus| cpus.0)
    }

    #[test]
    fn lists_are_read_as_taskset_reads_them_and_shown_so() {
        assert_eq!(read("0"), Ok(vec![0]));
        assert_eq!(read("0-3,8"), Ok(vec![0, 1, 2, 3, 8]));
        assert_eq!(read("5, 1-2"), Ok(vec![5, 1, 2]), "in the order in which they stand");
        for text in
            ["", "-", "1-", "-1", "a", "3-1", "0,0", "1-3,2", "0,,1", "+1", "1024", "0-9999"]
        {
            assert_eq!(read(text), Err(BadCpus), "{text:?}");
        }
        for text in ["0", "0-3,8", "5,1-2", "3,2"] {
            assert_eq!(text.parse::<Cpus>().unwrap().to_string(), text);
        }
        assert_eq!(Cpus::of([]), Err(BadCpus));
        assert_eq!(Cpus::of([1 << 40]), Err(BadCpus));
    }

    /// The processors that the threads of a domain may use, by their numbers.
    fn seen(
        threads: usize,
        start: impl Fn(usize) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<Vec<Cpus>, StartError> {
        let (tell, told) = channel();
        let mut net = Net::new("tied");
        let look = move |n| Ok(tell.send((n, Cpus::allowed()?))?);
        let own = net.domain("own").on_thread_start(start).on_thread_start(look).pinned(threads);
        net.add(stage("end", || from_fn(|_: Batch<'_, ()>, _: &mut Cx<'_, ()>| {})).on(own));
        net.run()?.stop();
        let mut told: Vec<_> = told.try_iter().collect();
        told.sort_by_key(|(thread, _)| *thread);
        Ok(told.into_iter().map(|(_, cpus)| cpus).collect())
    }

    #[test]
    fn threads_keep_to_the_processors_that_they_are_given() {
        let allowed = Cpus::allowed().unwrap();
        let one = |n: usize| Cpus(vec![allowed.0[n % allowed.count()]]);
        assert_eq!(seen(3, allowed.clone().each()).unwrap(), [one(0), one(1), one(2)]);
        let last = one(allowed.count() - 1);
        assert_eq!(seen(2, last.clone().any()).unwrap(), [last.clone(), last]);
        assert_eq!(Cpus::allowed().unwrap(), allowed, "whoever started them is as it was");
    }

    #[test]
    fn a_processor_that_is_not_there_keeps_the_net_from_starting() {
        let none = Cpus::of([CpuSet::MAX_CPU - 1]).unwrap();
        let said = none.check().unwrap_err().to_string();
        let allowed = Cpus::allowed().unwrap();
        assert!(said.starts_with("there is no processor 1023, this machine has 0"), "{said}");
        assert!(said.ends_with(&format!("; accepted: {allowed}")), "{said}");
        for start in [none.clone().each(), none.clone().each()] {
            let error = seen(1, start).unwrap_err().to_string();
            assert_eq!(error, format!("worker 0 of domain `own` could not start: {said}"));
        }
        // Some that can be had do not hide one that cannot: the kernel would.
        let both = Cpus::of([allowed.0[0], CpuSet::MAX_CPU - 1]).unwrap();
        assert!(seen(1, both.any()).is_err());
    }

    #[test]
    fn a_processor_that_is_not_allowed_is_told_from_one_that_is_not_there() {
        let allowed = Cpus::allowed().unwrap();
        let [first, .., last] = allowed.0[..] else { return };
        // On a thread of its own, which alone is restricted.
        let told = std::thread::spawn(move || {
            Cpus::of([first]).unwrap().tie().unwrap();
            Cpus::of([last]).unwrap().check().unwrap_err().to_string()
        });
        let said = format!("processor {last} may not be used by this process; accepted: {first}");
        assert_eq!(told.join().unwrap(), said);
    }
}
