//! The faults of a net, a page each: why it is one, an example that has it, and the same without.
//!
//! [`Net::check`](crate::Net::check) finds them all at once before anything runs. The message of a
//! [`Fault`](crate::Fault) names its page.

macro_rules! page {
    ($name:ident) => {
        #[doc = include_str!(concat!(stringify!($name), ".md"))]
        pub mod $name {}
    };
}

page!(n0001);
page!(n0002);
page!(n0003);
page!(n0004);
page!(n0005);
page!(n0006);
page!(n0007);
page!(n0008);
page!(n0009);
page!(n0010);
page!(n0011);
page!(n0012);
page!(n0013);
page!(n0014);
page!(n0015);
page!(n0016);
page!(n0017);
page!(n0018);
page!(n0019);
page!(n0020);
page!(n0021);
page!(n0022);
page!(n0023);
page!(n0024);
page!(n0025);
page!(n0026);
page!(n0027);
