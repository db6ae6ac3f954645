//! The depot stack in `JULIA_DEPOT_PATH`.

use crate::layout::{absolute, join};

/// How a system writes lists of paths and home directories.
#[derive(Clone, Copy)]
struct Notation {
    separator: char,
    /// Whether a leading `~` is the home directory: on Windows it is part of a name.
    has_tilde: bool,
}

const NOTATION: Notation =
    Notation { separator: if cfg!(windows) { ';' } else { ':' }, has_tilde: !cfg!(windows) };

/// An entry with the home directory of another user, which Julia does not support either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid entry `{0}` in JULIA_DEPOT_PATH: expected a path, `~` or `~/…`; \
     the home of another user is not looked up"
)]
pub struct HomeOfUser(pub String);

/// The depots in the value of `JULIA_DEPOT_PATH`, the depot of the user first.
///
/// The rules are those of Julia 1.11 and later (`base/initdefs.jl`):
///
/// - no value: `~/.julia`, then the `bundled` depots, which come with a Julia;
/// - the empty value: no depot at all;
/// - an empty entry: the `bundled` depots in its place, and if it is the first entry, `~/.julia` in
///   front of everything;
/// - `~` and `~/…`: the home directory and paths in it, except on Windows.
///
/// Relative entries stay relative. Each depot occurs once. Julia has `~/.julia` twice if the first
/// entry is empty and another one names it, which has no effect.
///
/// # Errors
///
/// If an entry begins with `~user`.
pub fn depot_stack(
    value: Option<&str>,
    home: &str,
    bundled: &[String],
) -> Result<Vec<String>, HomeOfUser> {
    stack(value, home, bundled, NOTATION)
}

/// The bundled depots of the Julia with its executable in the absolute directory `bindir`:
/// `Sys.BINDIR`, in the environment `JULIA_BINDIR`.
pub fn bundled_depots(bindir: &str) -> Vec<String> {
    let below = |names: &[&str]| {
        let path = join(bindir, names);
        // The path is absolute, so the current directory is not used.
        absolute(&path, || Err(())).map_or_else(|()| path.clone(), |path| path.into_owned())
    };
    vec![below(&["..", "local", "share", "julia"]), below(&["..", "share", "julia"])]
}

fn stack(
    value: Option<&str>,
    home: &str,
    bundled: &[String],
    notation: Notation,
) -> Result<Vec<String>, HomeOfUser> {
    if value == Some("") {
        return Ok(Vec::new());
    }
    let mut depots = Vec::new();
    for (index, entry) in value.unwrap_or_default().split(notation.separator).enumerate() {
        match entry {
            "" => {
                if index == 0 {
                    depots.push(join(home, &[".julia"]));
                }
                depots.extend(bundled.iter().cloned());
            }
            entry => depots.push(expanded(entry, home, notation)?),
        }
    }
    Ok(once_each(depots))
}

/// An entry as by Julia's `expanduser`.
fn expanded(entry: &str, home: &str, notation: Notation) -> Result<String, HomeOfUser> {
    match entry.strip_prefix('~').filter(|_| notation.has_tilde) {
        None => Ok(entry.to_owned()),
        Some("") => Ok(home.to_owned()),
        Some(rest) if rest.starts_with('/') => Ok(format!("{home}{rest}")),
        Some(_) => Err(HomeOfUser(entry.to_owned())),
    }
}

fn once_each(depots: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for depot in depots {
        if !kept.contains(&depot) {
            kept.push(depot);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: Notation = Notation { separator: ':', has_tilde: true };
    const WINDOWS: Notation = Notation { separator: ';', has_tilde: false };

    fn of(value: Option<&str>, notation: Notation) -> Result<Vec<String>, HomeOfUser> {
        stack(value, "/home/ada", &["/opt/l".to_owned(), "/opt/s".to_owned()], notation)
    }

    /// By `init_depot_path` in Julia 1.12's `base/initdefs.jl`.
    #[test]
    #[cfg(not(windows))]
    fn the_value_is_read_as_julia_reads_it() {
        let (own, local, share) = ("/home/ada/.julia", "/opt/l", "/opt/s");
        for (value, expected) in [
            (None, vec![own, local, share]),
            (Some(""), vec![]),
            (Some(":"), vec![own, local, share]),
            (Some("::"), vec![own, local, share]),
            (Some("/a"), vec!["/a"]),
            (Some("/a:"), vec!["/a", local, share]),
            (Some("/a::/b"), vec!["/a", local, share, "/b"]),
            (Some("/a:/b:/a"), vec!["/a", "/b"]),
            (Some(":/a"), vec![own, local, share, "/a"]),
            (Some(":/a:"), vec![own, local, share, "/a"]),
            (Some("::/a"), vec![own, local, share, "/a"]),
            (Some(":~/.julia"), vec![own, local, share]),
            (Some("/a:~/.julia:"), vec!["/a", own, local, share]),
            (Some("/opt/s:"), vec![share, local]),
            (Some("~/depot:~"), vec!["/home/ada/depot", "/home/ada"]),
            (Some("~/"), vec!["/home/ada/"]),
            (Some("~//x"), vec!["/home/ada//x"]),
            (Some("a~/b"), vec!["a~/b"]),
            (Some("relative:./x:../y"), vec!["relative", "./x", "../y"]),
            (Some(" "), vec![" "]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(of(value, UNIX), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn windows_has_another_separator_and_no_tilde() {
        let own = "/home/ada/.julia";
        for (value, expected) in [
            ("C:\\a;D:\\b", vec!["C:\\a", "D:\\b"]),
            ("C:\\a;", vec!["C:\\a", "/opt/l", "/opt/s"]),
            (";C:\\a", vec![own, "/opt/l", "/opt/s", "C:\\a"]),
            (";", vec![own, "/opt/l", "/opt/s"]),
            ("~;~\\x;~user", vec!["~", "~\\x", "~user"]),
        ] {
            let own_name = join("/home/ada", &[".julia"]);
            let expected: Vec<String> =
                expected.into_iter().map(|one| one.replace(own, &own_name)).collect();
            assert_eq!(of(Some(value), WINDOWS), Ok(expected), "{value:?}");
        }
    }

    #[test]
    fn the_home_of_another_user_is_an_error_as_in_julia() {
        for value in ["~ada", "/a:~ada/depot", "~.julia", "~~"] {
            let error = of(Some(value), UNIX).unwrap_err();
            assert!(error.to_string().contains("`~"), "{value}: {error}");
        }
    }

    #[test]
    fn the_bundled_depots_are_beside_the_program() {
        let root = if cfg!(windows) { "C:\\julia" } else { "/opt/julia" };
        let expected = [&["local", "share", "julia"][..], &["share", "julia"]];
        let expected = expected.map(|names| join(root, names));
        for bindir in ["bin", "bin/"] {
            assert_eq!(bundled_depots(&join(root, &[bindir])), expected);
        }
    }
}
