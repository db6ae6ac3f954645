//! The order of lists.

use std::cmp::Reverse;

use clap::ValueEnum;
use scratchrs_model::time::DepotTime;

/// The option for the order.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The order
    #[arg(long, value_name = "ORDER")]
    sort: Option<Order>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Order {
    /// By name
    Name,
    /// The largest first
    Size,
    /// The least recently used first
    Used,
}

/// What an item can be sorted by.
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) last_used: Option<DepotTime>,
}

impl Options {
    /// Sorts a list, by `default` without the option.
    pub(crate) fn apply<T>(&self, default: Order, items: &mut [T], facts: impl Fn(&T) -> Facts) {
        match self.sort.unwrap_or(default) {
            Order::Name => items.sort_by_cached_key(|item| facts(item).name.to_lowercase()),
            Order::Size => items.sort_by_key(|item| Reverse(facts(item).bytes)),
            Order::Used => items.sort_by_key(|item| facts(item).last_used),
        }
    }
}
