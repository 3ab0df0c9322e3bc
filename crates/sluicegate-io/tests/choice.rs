//! io_uring where it works, epoll where the system answers that it does not.

mod common;

use std::collections::BTreeMap;

use common::real::{On, Real};
use common::{Setup, World, ask, even};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use sluicegate_io::{Asked, Choice};

const IO_URING_SETUP: i64 = libc::SYS_io_uring_setup;
const IO_URING_REGISTER: i64 = libc::SYS_io_uring_register;

/// The service runs on what is chosen.
struct OnAuto;

impl On for OnAuto {
    const ASKED: Asked = Asked::Auto;
}

/// Runs `test` on a thread where a system call fails with `error`, and so do the threads that it
/// starts.
fn where_fails(call: i64, error: i32, test: impl FnOnce() + Send + 'static) {
    let failing = move || {
        let filter = SeccompFilter::new(
            BTreeMap::from([(call, Vec::new())]),
            SeccompAction::Allow,
            SeccompAction::Errno(error as u32),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        apply_filter(&filter.and_then(BpfProgram::try_from).unwrap()).unwrap();
        test();
    };
    std::thread::spawn(failing).join().unwrap();
}

#[test]
fn epoll_serves_where_uring_fails() {
    for (call, error, why) in [
        (IO_URING_SETUP, libc::EPERM, "io_uring is not permitted here"),
        (IO_URING_SETUP, libc::ENOSYS, "this kernel has no io_uring"),
        (IO_URING_SETUP, libc::ENOMEM, "io_uring cannot be set up: "),
        (IO_URING_SETUP, libc::EINVAL, "io_uring cannot be set up: "),
        (IO_URING_REGISTER, libc::EPERM, "io_uring is not permitted here"),
    ] {
        where_fails(call, error, move || {
            let choice = Choice::new(Asked::Auto).unwrap();
            assert_eq!(choice.name(), "epoll");
            let told = choice.why().unwrap();
            assert!(told.starts_with(why), "{told}");
            let unfit = Choice::new(Asked::Uring).unwrap_err().to_string();
            assert_eq!(unfit, told);

            let mut world = Real::<OnAuto>::new(Setup::default());
            let mut client = world.connect();
            assert_eq!(ask(&mut world, &mut client, "echo all the same"), "all the same");
            drop(client);
            even(world);
        });
    }
}

#[test]
fn epoll_is_taken_without_a_trial() {
    let choice = Choice::new(Asked::Epoll).unwrap();
    assert_eq!((choice.name(), choice.why()), ("epoll", None));
}
