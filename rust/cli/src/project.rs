//! Project files given as arguments.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::layout::{absolute, join};
use scratchrs_model::project::FILE_NAMES;

use crate::failure::{Failure, Result};
use crate::session::Session;

/// The absolute path of a project file, or `None` if it does not exist. `project` has the forms of Julia's
/// `--project`: a file, its directory, `@.` for the nearest one in the current directory or above, `@name` for
/// an environment of the depots.
///
/// # Errors
///
/// If that depends on something unknown: the current directory or the version of Julia.
pub(crate) fn find(session: &Session, project: &str) -> Result<Option<String>> {
    let environment = &session.environment;
    let current = || {
        environment.current_directory.clone().ok_or_else(|| {
            Failure::invalid(format!("can't find the project `{project}`: no current directory"))
        })
    };
    match project.strip_prefix('@') {
        Some(".") => Ok(find_upwards(&current()?, environment.home.as_deref())),
        Some(name) if name.contains('#') => Err(Failure::invalid(format!(
            "can't find the project `{project}`: the version of Julia for `#` is unknown"
        ))
        .hint("pass the version, as in `@v1.11`")),
        Some(name) => {
            for depot in session.depots()? {
                let depot = absolute(depot.as_str(), current)?;
                if let Some(file) = find_in(&join(&depot, &["environments", name])) {
                    return Ok(Some(file));
                }
            }
            Ok(None)
        }
        None => {
            let expanded = match (project.strip_prefix("~/"), &environment.home) {
                (Some(rest), Some(home)) => join(home, &[rest]),
                _ => project.to_owned(),
            };
            let path = absolute(&expanded, current)?.into_owned();
            Ok(if fs::is_file(Path::new(&path)) { Some(path) } else { find_in(&path) })
        }
    }
}

fn find_in(directory: &str) -> Option<String> {
    let files = FILE_NAMES.iter().map(|name| join(directory, &[name]));
    files.into_iter().find(|file| fs::is_file(Path::new(file)))
}

/// Searches `start` and the directories above, up to `home`, as Julia does.
fn find_upwards(start: &str, home: Option<&str>) -> Option<String> {
    for directory in Path::new(start).ancestors() {
        let directory = directory.to_str()?;
        if let Some(file) = find_in(directory) {
            return Some(file);
        }
        if Some(directory) == home {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_search_goes_up_and_ends_at_home() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            root.path().join(scratchrs_testkit::native(name)).to_str().unwrap().to_owned()
        };
        fs::create_dir_all(path("home/work/deep")).unwrap();
        fs::write(path("Project.toml"), "").unwrap();
        let home = path("home");
        let find = || find_upwards(&path("home/work/deep"), Some(&home));
        assert_eq!(find(), None);
        assert_eq!(find_upwards(&path("home/work/deep"), None), Some(path("Project.toml")));
        fs::write(path("home/Project.toml"), "").unwrap();
        assert_eq!(find(), Some(path("home/Project.toml")));
        fs::write(path("home/work/Project.toml"), "").unwrap();
        fs::write(path("home/work/JuliaProject.toml"), "").unwrap();
        assert_eq!(find(), Some(path("home/work/JuliaProject.toml")));
    }
}
