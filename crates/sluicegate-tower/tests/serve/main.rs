//! What a client sees of an app, one set of cases over `axum::serve` and over ours.

mod apps;
mod cases;
mod client;
mod pains;
mod servers;
mod traces;

/// Each case over each server.
macro_rules! over_all {
    ($($file:ident::{$($case:ident),* $(,)?}),* $(,)?) => {
        over_all!(@ axum Axum $($file::{$($case),*}),*);
        over_all!(@ epoll Epoll $($file::{$($case),*}),*);
        over_all!(@ uring Uring $($file::{$($case),*}),*);
    };
    (@ $name:ident $server:ident $($file:ident::{$($case:ident),*}),*) => {
        mod $name {
            use crate::{cases, servers::Under};
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    cases::$file::$case(Under::$server).await;
                }
            )*)*
        }
    };
}

over_all! {
    plain::{
        a_page_and_its_head,
        what_is_not_there,
        fields_go_both_ways,
        requests_in_a_row_are_answered_in_order,
        who_asks_is_known,
        handlers_run_in_tokio,
    },
    bodies::{
        a_form,
        json,
        a_body_that_is_waited_for,
        bodies_of_megabytes,
        a_body_too_large_for_its_handler,
    },
    streams::{
        up_and_down_at_once,
        up_without_being_kept,
        down_without_an_end,
        a_stream_that_breaks_off,
    },
    files::{a_directory},
    upgrades::{a_web_socket, a_web_socket_that_is_left},
    ends::{
        a_stop_lets_answers_end,
        who_leaves_is_not_served_further,
        a_panic_ends_its_request_alone,
    },
}
