//! `scratchrs artifact verify`: whether artifacts are what their names say.

use scratchrs_archive::{Change, Difference};
use scratchrs_core::artifact::{self, Rot, Stack, Survey, Unreadable, Verdict};
use scratchrs_model::hash::TreeHash;
use serde::Serialize;

use super::Unread;
use crate::failure::{Code, Failure, Result};
use crate::human::{self, visible};
use crate::output::title;
use crate::progress::with_progress;
use crate::selection::{self, Scope};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs artifact verify                 every artifact of the depots
  scratchrs artifact verify iris            one that the Artifacts.toml here binds
  scratchrs artifact verify --json | jq -r '.rotten[].path'

With --json: {\"sound\", \"rotten\": [{\"hash\", \"path\", \"actual\", \
\"differences\": [{\"path\", \"change\"}]}], \"unreadable\": [{\"hash\", \"path\", \"reason\"}], \
\"missing\": [\"…\"], \"notes\": [\"…\"]}. \"change\" is \"missing\", \"changed\", \"mode\" or \
\"extra\"; \"differences\" is null where nobody knows what the files were.";

/// Hash artifacts, and report what is missing, changed or extra in them, file by file
///
/// Exits with 1 if one is not what its name says or can't be read, with 3 if one is not there. Those
/// that an Overrides.toml has elsewhere are taken as they are.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Names or hashes [default: all artifacts of the depots]
    #[arg(value_name = "ARTIFACT")]
    artifacts: Vec<String>,

    #[command(flatten)]
    scope: Scope,
}

/// What was found out.
#[derive(Default)]
struct Found {
    survey: Survey,
    missing: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    sound: usize,
    rotten: Vec<Rotten>,
    unreadable: Vec<Unread>,
    missing: &'a [String],
}

#[derive(Serialize)]
struct Rotten {
    hash: String,
    path: String,
    actual: String,
    differences: Option<Vec<Changed>>,
}

#[derive(Serialize)]
struct Changed {
    path: String,
    change: &'static str,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let mut stack = selection::stack(session)?;
        let found = if self.artifacts.is_empty() {
            let survey = with_progress(session, |progress| artifact::verify_all(&stack, progress))?;
            Found { survey, missing: Vec::new() }
        } else {
            self.verify_each(session, &mut stack)?
        };
        if session.output.is_json() {
            session.output.json(&found.answer())?;
        } else {
            let text: String = found.lines().iter().map(|line| format!("{line}\n")).collect();
            session.output.result(&text)?;
        }
        match found.failure() {
            Some(failure) => Err(failure),
            None => {
                let sound = human::count(found.survey.sound as u64, "artifact");
                let verb = if found.survey.sound == 1 {
                    "is what its name says"
                } else {
                    "are what their names say"
                };
                session.output.talk(&format!("{sound} {verb}"));
                Ok(())
            }
        }
    }

    fn verify_each(&self, session: &mut Session, stack: &mut Stack) -> Result<Found> {
        let mut found = Found::default();
        for name in &self.artifacts {
            let hash = self.scope.select(session, stack, name)?.hash;
            let verdict =
                with_progress(session, |progress| artifact::verify(stack, hash, progress));
            match verdict {
                Ok(Verdict::Sound(_)) => found.survey.sound += 1,
                Ok(Verdict::Rotten(rot)) => found.survey.rotten.push(rot),
                Ok(Verdict::Missing) => found.missing.push(hash.to_string()),
                Ok(Verdict::Overridden(path)) => {
                    let note = format!(
                        "`{path}` stands in the place of artifact {hash}, and is taken as it is"
                    );
                    session.output.note(&visible(&note), None);
                }
                Err(error @ scratchrs_core::Error::Cancelled) => return Err(error.into()),
                Err(error) => {
                    let path = stack.path(hash)?;
                    found.survey.unreadable.push(Unreadable { hash, path, error });
                }
            }
        }
        Ok(found)
    }
}

impl Found {
    fn answer(&self) -> Answer<'_> {
        let rotten = |rot: &Rot| Rotten {
            hash: rot.hash.to_string(),
            path: rot.path.clone(),
            actual: rot.actual.to_string(),
            differences: rot.differences.as_ref().map(|found| found.iter().map(changed).collect()),
        };
        Answer {
            sound: self.survey.sound,
            rotten: self.survey.rotten.iter().map(rotten).collect(),
            unreadable: self.survey.unreadable.iter().map(Unread::of).collect(),
            missing: &self.missing,
        }
    }

    /// A paragraph for each artifact that is not sound.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let head = |what: &str, hash: &TreeHash, path: &str| {
            format!("{} {hash}  {}", title(what), visible(path))
        };
        for Rot { hash, path, actual, differences } in &self.survey.rotten {
            lines.push(head("rotten", hash, path));
            match differences {
                Some(differences) => lines.extend(differences.iter().map(|difference| {
                    let Changed { path, change } = changed(difference);
                    format!("  {change:<8} {}", visible(&path))
                })),
                None => lines
                    .push(format!("  its hash is {actual}; nobody knows which files have changed")),
            }
        }
        for Unreadable { hash, path, error } in &self.survey.unreadable {
            lines.push(head("unreadable", hash, path));
            lines.push(format!("  {}", visible(&error.to_string())));
        }
        lines.extend(self.missing.iter().map(|hash| format!("{} {hash}", title("missing"))));
        lines
    }

    fn failure(&self) -> Option<Failure> {
        let (rotten, unreadable) = (self.survey.rotten.len(), self.survey.unreadable.len());
        let bad = rotten + unreadable;
        if bad > 0 {
            let all = human::count((self.survey.sound + bad) as u64, "artifact");
            let code = if rotten > 0 { Code::Integrity } else { Code::Io };
            let verb =
                if bad == 1 { "is not what its name says" } else { "are not what their names say" };
            let hint = "`scratchrs artifact repair` installs anew what a file binds with a place to \
                        download it from";
            return Some(Failure::new(code, format!("{bad} of {all} {verb}")).hint(hint));
        }
        let missing = self.missing.len() as u64;
        (missing > 0).then(|| {
            let verb = if missing == 1 { "is" } else { "are" };
            let message = format!("{} {verb} not installed", human::count(missing, "artifact"));
            Failure::new(Code::NotFound, message)
        })
    }
}

fn changed(difference: &Difference) -> Changed {
    let change = match difference.change {
        Change::Missing => "missing",
        Change::Changed => "changed",
        Change::ModeChanged => "mode",
        Change::Extra => "extra",
    };
    Changed { path: difference.path.to_string_lossy().into_owned(), change }
}
