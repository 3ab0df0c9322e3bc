//! The bottleneck is named rightly in nets whose trouble is planned.

mod drawn;
mod nets;
mod prepared;
mod troubles;
