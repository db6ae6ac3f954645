//! The log of users: the projects that used files of bindings, with times.
//!
//! ```text
//! 2024-01-02T03:04:05.006Z "7876af07-…/Artifacts.toml" "/home/ada/work/Project.toml" 1b9dd4cc5f2a6f31
//! ```
//!
//! The path of the file is relative to the store, so that a store can be moved. The project is
//! empty if it is unknown, as for uses without logging and those by the program. Lines are appended
//! as in the log of uses; a collection keeps one for each file and project.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::time::DepotTime;
use crate::toml_text::push_string;

use super::line;

/// For how long a missing project is remembered beside others that exist: a session logs
/// its use once a day, and its disk may come back meanwhile.
const REMEMBERED: TimeDelta = TimeDelta::days(2);

/// A use of a file of bindings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// The time.
    pub time: DepotTime,
    /// The path of the file relative to the store, with slashes.
    pub file: String,
    /// The project file; `None` if it is unknown.
    pub project: Option<String>,
}

impl User {
    /// The text to append to the log.
    pub fn to_line(&self) -> String {
        let mut line = format!("{} ", self.time);
        push_string(&mut line, &self.file);
        line.push(' ');
        push_string(&mut line, self.project.as_deref().unwrap_or_default());
        line::sealed(&line)
    }

    fn parse(words: &str) -> Option<Self> {
        let (time, rest) = line::take_time(words)?;
        let (file, rest) = line::take_string(rest)?;
        let (project, _) = line::take_string(rest.strip_prefix(' ')?)?;
        Some(Self { time, file, project: Some(project).filter(|project| !project.is_empty()) })
    }
}

/// Reads the log in any state. The second value is the number of lines that cannot be read.
pub fn read(bytes: &[u8]) -> (Vec<User>, usize) {
    line::read(bytes, User::parse)
}

/// The text of a log.
pub fn to_text<'a>(users: impl IntoIterator<Item = &'a User>) -> String {
    users.into_iter().map(User::to_line).collect()
}

/// Whether all projects that used a file are known and missing. A file without a logged use, or
/// with a use by an unknown project, is not abandoned.
pub fn is_abandoned<'a>(
    users: impl IntoIterator<Item = &'a User>,
    is_gone: impl Fn(&str) -> bool,
) -> bool {
    let mut users = users.into_iter().peekable();
    users.peek().is_some() && users.all(|user| user.project.as_deref().is_some_and(&is_gone))
}

/// The uses to keep: the latest one of each existing file and project, without those of projects
/// that have been missing for a while, if other projects use the file.
pub fn condensed(
    users: impl IntoIterator<Item = User>,
    is_there: impl Fn(&str) -> bool,
    is_gone: impl Fn(&str) -> bool,
    now: DepotTime,
) -> Vec<User> {
    let mut last: BTreeMap<String, BTreeMap<Option<String>, DepotTime>> = BTreeMap::new();
    for User { time, file, project } in users {
        if is_there(&file) {
            let known = last.entry(file).or_default().entry(project).or_insert(time);
            *known = time.max(*known);
        }
    }
    let mut condensed = Vec::new();
    for (file, projects) in last {
        let is_gone = |project: &Option<String>| project.as_deref().is_some_and(&is_gone);
        let is_abandoned = projects.keys().all(is_gone);
        for (project, time) in projects {
            if is_abandoned || !is_gone(&project) || now.since(time) < REMEMBERED {
                condensed.push(User { time, file: file.clone(), project });
            }
        }
    }
    condensed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(day: u32) -> DepotTime {
        DepotTime::from_toml(&format!("2024-01-{day:02}T00:00:00Z").parse().unwrap()).unwrap()
    }

    fn user(day: u32, file: &str, project: &str) -> User {
        let project = Some(project.to_owned()).filter(|project| !project.is_empty());
        User { time: time(day), file: file.to_owned(), project }
    }

    fn is_gone(project: &str) -> bool {
        project.starts_with("/gone")
    }

    #[test]
    fn a_file_is_abandoned_when_all_are_known_and_gone() {
        for (projects, expected) in [
            (&[][..], false),
            (&["/gone/1"], true),
            (&["/gone/1", "/gone/2"], true),
            (&["/gone/1", "/there"], false),
            (&["/gone/1", ""], false),
            (&[""], false),
        ] {
            let users: Vec<User> = projects.iter().map(|project| user(1, "f", project)).collect();
            assert_eq!(is_abandoned(&users, is_gone), expected, "{projects:?}");
        }
    }

    #[test]
    fn what_is_condensed_says_the_same() {
        let users = [
            user(1, "a", "/there"),
            user(3, "a", "/there"),
            user(1, "a", "/gone/long"),
            user(9, "a", "/gone/lately"),
            user(1, "b", "/gone/long"),
            user(1, "removed", "/there"),
            user(1, "c", ""),
        ];
        let condensed = condensed(users, |file| file != "removed", is_gone, time(10));
        let expected = [
            user(9, "a", "/gone/lately"),
            user(3, "a", "/there"),
            user(1, "b", "/gone/long"),
            user(1, "c", ""),
        ];
        assert_eq!(condensed, expected);
    }

    proptest! {
        #[test]
        fn a_line_survives(file in any::<String>(), project in any::<String>()) {
            let user = user(1, &file, &project);
            let line = user.to_line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(read(line.as_bytes()), (vec![user], 0));
        }

        /// Condensing does not change which files are abandoned.
        #[test]
        fn condensing_abandons_no_file(
            users in prop::collection::vec((1..20_u32, 0..3_u32, 0..5_usize), 0..20)
        ) {
            let projects = ["", "/there", "/gone/1", "/gone/2", "/there/2"];
            let users: Vec<User> = users
                .into_iter()
                .map(|(day, file, project)| user(day, &file.to_string(), projects[project]))
                .collect();
            let short = condensed(users.clone(), |_| true, is_gone, time(20));
            for file in ["0", "1", "2"] {
                let of = |users: &[User]| -> Vec<User> {
                    users.iter().filter(|user| user.file == file).cloned().collect()
                };
                prop_assert_eq!(
                    is_abandoned(&of(&users), is_gone),
                    is_abandoned(&of(&short), is_gone)
                );
            }
        }
    }
}
