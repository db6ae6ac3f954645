//! The depot stack that `JULIA_DEPOT_PATH` names.

use crate::layout::join;

const LIST_SEPARATOR: char = if cfg!(windows) { ';' } else { ':' };

/// The depots that the value of `JULIA_DEPOT_PATH` names, the user's depot first.
///
/// Julia's rules (`base/initdefs.jl`): no value means `~/.julia`; the empty value means no depot
/// at all; an empty entry stands for the defaults; `~` is the home directory. The depots that
/// come with a Julia are left out: nobody here knows where that Julia is. Where Julia 1.10 and
/// 1.11 differ (an empty entry that is not the first), `~/.julia` is in the list as in 1.10;
/// the first depot, the one that is written to, is the same in both.
pub fn depot_stack(value: Option<&str>, home: &str) -> Vec<String> {
    let default = join(home, &[".julia"]);
    let value = match value {
        None => return vec![default],
        Some("") => return Vec::new(),
        Some(value) => value,
    };
    let mut depots: Vec<String> = Vec::new();
    for entry in value.split(LIST_SEPARATOR) {
        let depot = match entry {
            "" => default.clone(),
            "~" => home.to_owned(),
            entry => match entry.strip_prefix("~/") {
                Some(rest) => join(home, &[rest]),
                None => entry.to_owned(),
            },
        };
        if !depots.contains(&depot) {
            depots.push(depot);
        }
    }
    depots
}

#[cfg(test)]
#[cfg(not(windows))]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_read_as_julia_reads_it() {
        for (value, expected) in [
            (None, vec!["/home/ada/.julia"]),
            (Some(""), vec![]),
            (Some("/a:/b:/a"), vec!["/a", "/b"]),
            (Some(":/a"), vec!["/home/ada/.julia", "/a"]),
            (Some("/a:"), vec!["/a", "/home/ada/.julia"]),
            (Some(":"), vec!["/home/ada/.julia"]),
            (Some("~/depot:~"), vec!["/home/ada/depot", "/home/ada"]),
            (Some("relative"), vec!["relative"]),
        ] {
            assert_eq!(depot_stack(value, "/home/ada"), expected, "{value:?}");
        }
    }
}
