//! Collections, the content of depots, and what references an item.

mod kinds;
mod notes;
mod report;
mod status;
mod why;

pub use report::report;
pub use status::status;
pub use why::explained;
