//! Absolute paths as by Julia's `abspath`, as text: the files of a depot have the bytes that Julia writes.

use std::borrow::Cow;

/// `path` as by Julia's `abspath`: joined to `current` if it is relative, without `.`, `..` and
/// doubled separators; links are not resolved.
///
/// On Windows, where the slash separates, too, one thing differs from Julia: a path without a drive (`\dir`) gets
/// that of `current`. Julia leaves it as it is, and it leads to another file from another drive.
///
/// `current` is called only if it is needed: most depots have an absolute path.
///
/// # Errors
///
/// Those of `current`.
pub fn absolute<E>(
    path: &str,
    current: impl FnOnce() -> Result<String, E>,
) -> Result<Cow<'_, str>, E> {
    if cfg!(windows) { windows::absolute(path, current) } else { unix::absolute(path, current) }
}

/// The names of a normalised path below its root.
fn normal_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut normal = Vec::new();
    for name in names {
        match name {
            "" | "." => {}
            ".." => {
                normal.pop();
            }
            name => normal.push(name),
        }
    }
    normal
}

/// Whether a path ends in a separator, or in a name that Julia's `normpath` replaces by one.
fn is_directory(path: &str, separator: char) -> bool {
    matches!(path.rsplit(separator).next(), Some("" | "." | ".."))
}

mod unix {
    use super::{Cow, is_directory, normal_names};

    pub(super) fn absolute<E>(
        path: &str,
        current: impl FnOnce() -> Result<String, E>,
    ) -> Result<Cow<'_, str>, E> {
        if is_normal(path) {
            return Ok(path.into());
        }
        if path.starts_with('/') {
            return Ok(normalize(path).into());
        }
        Ok(normalize(&format!("{}/{path}", current()?)).into())
    }

    /// Whether `path` is absolute and has nothing to normalise.
    pub(super) fn is_normal(path: &str) -> bool {
        path.strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(|name| !matches!(name, "" | "." | "..")))
    }

    /// An absolute path without `.`, `..` and doubled separators. A trailing separator is kept.
    pub(super) fn normalize(path: &str) -> String {
        let names = normal_names(path.split('/'));
        let mut normal = format!("/{}", names.join("/"));
        if is_directory(path, '/') && !names.is_empty() {
            normal.push('/');
        }
        normal
    }
}

mod windows {
    use super::{Cow, is_directory, normal_names};

    pub(super) fn absolute<E>(
        path: &str,
        current: impl FnOnce() -> Result<String, E>,
    ) -> Result<Cow<'_, str>, E> {
        let path = path.replace('/', r"\");
        let (drive, rest) = split_drive(&path);
        if !drive.is_empty() && rest.starts_with('\\') || drive.starts_with(r"\\") {
            return Ok(normalize(drive, rest).into());
        }
        let current = current()?.replace('/', r"\");
        let (current_drive, below) = split_drive(&current);
        if rest.starts_with('\\') {
            return Ok(normalize(current_drive, rest).into());
        }
        // As in Julia, only the current drive has a current directory.
        if drive.is_empty() || drive.eq_ignore_ascii_case(current_drive) {
            return Ok(normalize(current_drive, &format!(r"{below}\{rest}")).into());
        }
        Ok(normalize(drive, rest).into())
    }

    /// The drive of a path, `C:`, `\\server\share`, `\\?\C:` or `\\?\UNC\server\share`, and the rest.
    fn split_drive(path: &str) -> (&str, &str) {
        let names = if is_long_share(path) { 4 } else { 2 };
        let end = match path.as_bytes() {
            [b'\\', b'\\', ..] => end_of_names(path, names).unwrap_or_default(),
            [letter, b':', ..] if letter.is_ascii_alphabetic() => 2,
            _ => 0,
        };
        path.split_at(end)
    }

    fn is_long_share(path: &str) -> bool {
        const START: &str = r"\\?\UNC\";
        path.get(..START.len()).is_some_and(|start| start.eq_ignore_ascii_case(START))
    }

    /// The end of this many names after `\\`; `None` if there are fewer.
    fn end_of_names(path: &str, names: usize) -> Option<usize> {
        let mut end = 1;
        for name in path[2..].split('\\').take(names) {
            if name.is_empty() {
                return None;
            }
            end += 1 + name.len();
        }
        (path[2..].split('\\').count() >= names).then_some(end)
    }

    fn normalize(drive: &str, path: &str) -> String {
        let names = normal_names(path.split('\\'));
        let mut normal = format!(r"{drive}\{}", names.join(r"\"));
        if is_directory(path, '\\') && !names.is_empty() {
            normal.push('\\');
        }
        normal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from_work(path: &str) -> String {
        unix::absolute(path, || Ok::<_, ()>("/work".to_owned())).unwrap().into_owned()
    }

    fn on_windows(path: &str) -> String {
        windows::absolute(path, || Ok::<_, ()>(r"C:\work".to_owned())).unwrap().into_owned()
    }

    /// The results of Julia 1.5.3's `abspath` in `/work`.
    #[test]
    fn absolute_paths_are_julias() {
        for (path, expected) in [
            ("/home/ada/.julia", "/home/ada/.julia"),
            ("/home/ada/.julia/", "/home/ada/.julia/"),
            ("/a//b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/", "/"),
            ("/a/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("depot", "/work/depot"),
            ("./depot/", "/work/depot/"),
            ("../depot", "/depot"),
            ("", "/work/"),
        ] {
            assert_eq!(from_work(path), expected, "{path:?}");
        }
    }

    /// By `abspath`, `normpath` and `splitdrive` in Julia 1.12's `base/path.jl`.
    #[test]
    fn absolute_paths_of_windows_are_julias() {
        for (path, expected) in [
            (r"C:\Users\ada\.julia", r"C:\Users\ada\.julia"),
            ("c:/Users/ada/.julia/", r"c:\Users\ada\.julia\"),
            (r"C:\a\\b/./c\..\d", r"C:\a\b\d"),
            (r"C:\..", r"C:\"),
            (r"C:\", r"C:\"),
            (r"C:\a\b\..", r"C:\a\"),
            ("depot", r"C:\work\depot"),
            ("./depot/", r"C:\work\depot\"),
            (r"..\depot", r"C:\depot"),
            ("", r"C:\work\"),
            ("C:depot", r"C:\work\depot"),
            ("c:depot", r"C:\work\depot"),
            ("D:depot", r"D:\depot"),
            (r"\\server\share\a\..\b", r"\\server\share\b"),
            (r"\\server\share", r"\\server\share\"),
            ("//server/share/a", r"\\server\share\a"),
            (r"\\?\C:\a\.\b", r"\\?\C:\a\b"),
            (r"\\?\UNC\server\share\a\b", r"\\?\UNC\server\share\a\b"),
        ] {
            assert_eq!(on_windows(path), expected, "{path:?}");
        }
        // Julia has `\depot` for both.
        assert_eq!(on_windows(r"\depot"), r"C:\depot");
        assert_eq!(on_windows("/depot"), r"C:\depot");
    }

    proptest! {
        #[test]
        fn an_absolute_path_stays(path in "[a./]{0,20}") {
            let once = from_work(&path);
            prop_assert!(once.starts_with('/'));
            prop_assert_eq!(from_work(&once), once.clone());
            let leaves = once.contains("//") || once.split('/').any(|name| name == "..");
            prop_assert!(!leaves, "{}", once);
        }

        #[test]
        fn the_short_cut_changes_nothing(path in "/[a./]{0,20}") {
            if unix::is_normal(&path) {
                prop_assert_eq!(unix::normalize(&path), path);
            }
        }

        #[test]
        fn an_absolute_path_of_windows_stays(path in r"([A-Za-z]:|\\\\)?[a.:é?/\\]{0,20}") {
            let once = on_windows(&path);
            prop_assert_eq!(on_windows(&once), once.clone());
            prop_assert!(!once.contains('/'), "{}", once);
            // The name of a machine or its share may be a dot.
            let is_share = once.starts_with(r"\\");
            prop_assert!(is_share || once.split('\\').all(|name| name != "."), "{}", once);
        }
    }
}
