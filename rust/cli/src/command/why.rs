//! `scratchrs why`: what keeps something, or when it goes.

use scratchrs_core::gc::{self, Category, Cause, Explained, Explanation, Options, Standing};
use serde::Serialize;

use crate::collection::{self, Bytes, COLLECT_DELAY, IgnoredRoots, Remark, homely};
use crate::failure::Result;
use crate::human::{self, visible};
use crate::output::{aside, title};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs why CUDA_Runtime         an artifact, by the name that an Artifacts.toml gives it
  scratchrs why Example              a package, and the spaces of it
  scratchrs why ~/.julia/artifacts/9f2c41e… --json
  scratchrs why iris                 what is bound to that name in the store

With --json: {\"found\": [{\"kind\", \"label\", \"path\", \"bytes\", \"freed\", \"last_used\", \
\"standing\", \"since\", \"until\", \"causes\": [{\"what\", \"path\", \"name\", \"last_used\", \
\"package\", \"because\": […]}]}], \"skipped\": [{\"path\", \"line\", \"column\", \"message\", \
\"consequence\"}], \"notes\": [\"…\"]}. \"standing\" is \"kept\", \"waiting\", \"goes\" or \
\"elsewhere\".";

/// Say what keeps a package, clone, artifact, space or a content of the store, or when it goes
///
/// It is named by its path or that of anything in it, by its name, or by its hash, slug or UUID; what is
/// in the store, also by a name that is bound to it.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Its name or path
    #[arg(value_name = "NAME|PATH")]
    query: String,

    #[command(flatten)]
    ignored: IgnoredRoots,
}

#[derive(Serialize)]
struct Answer {
    found: Vec<Entry>,
    /// The stores that cannot be looked through.
    skipped: Vec<Remark>,
}

#[derive(Serialize)]
struct Entry {
    kind: &'static str,
    label: String,
    path: String,
    #[serde(flatten)]
    size: Bytes,
    last_used: Option<String>,
    standing: &'static str,
    since: Option<String>,
    until: Option<String>,
    causes: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    what: &'static str,
    path: String,
    name: Option<String>,
    last_used: Option<String>,
    package: Option<String>,
    because: Vec<Reason>,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let delay = collection::duration(COLLECT_DELAY).unwrap_or_default();
        let ignore_roots = self.ignored.paths.clone();
        let options = Options { ignore_roots, ..collection::looking(session, delay)? };
        let moment = collection::moment(session);
        let Explained { found, notes } =
            with_progress(session, |progress| gc::why(&self.query, &options, moment, progress))?;
        if found.is_empty() {
            collection::tell(&notes, session);
            return Err(collection::nothing_is_called(&self.query, &options.depots));
        }
        if session.output.is_json() {
            let found = found.iter().map(Entry::of).collect();
            let skipped = notes.iter().map(Remark::of).collect();
            return session.output.json(&Answer { found, skipped });
        }
        let blocks: Vec<String> =
            found.iter().map(|found| lines(found, session).join("\n") + "\n").collect();
        session.output.result(&blocks.join("\n"))?;
        collection::tell(&notes, session);
        Ok(())
    }
}

fn lines(found: &Explanation, session: &Session) -> Vec<String> {
    let now = session.environment.now;
    let kind = collection::word(found.kind);
    let head = format!("{kind} {}", visible(&found.label));
    let size = human::size(found.size.bytes);
    let used = match found.last_used {
        Some(time) if found.standing == Standing::Kept => {
            format!("   last used {}", human::age(Some(time), now))
        }
        _ => String::new(),
    };
    let mut lines =
        vec![format!("{}   {size}{used}", title(&head)), aside(&homely(&found.path, session))];
    let count = found.causes.len();
    for (index, cause) in found.causes.iter().enumerate() {
        let is_last = index + 1 == count && found.standing == Standing::Kept;
        push(cause, "", is_last, session, &mut lines);
    }
    lines.push(match found.standing {
        Standing::Kept if count == 0 => "└─ somebody is at work on it.".to_owned(),
        Standing::Kept if found.kind == Category::Store => {
            "   Without any of these it could go once the grace period is over.".to_owned()
        }
        Standing::Kept if count == 1 => {
            "   Without this one it could go once the grace period is over.".to_owned()
        }
        Standing::Kept => {
            "   Without all of these it could go once the grace period is over.".to_owned()
        }
        Standing::Waiting { since, until } => format!(
            "└─ nothing keeps it, since {}. It can go on {}.",
            human::age(Some(since), now),
            until.local().format("%Y-%m-%d")
        ),
        Standing::Goes => {
            "└─ nothing keeps it any more. It goes with the next collection.".to_owned()
        }
        Standing::Elsewhere => {
            "└─ nothing keeps it, and only `--force` collects the depot that it is in.".to_owned()
        }
    });
    lines
}

/// The lines about something that keeps something, and what keeps that in turn.
fn push(cause: &Cause, indent: &str, is_last: bool, session: &Session, lines: &mut Vec<String>) {
    let now = session.environment.now;
    let (corner, below) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
    let path = homely(&cause.path, session);
    let what = match (cause.what, &cause.name) {
        ("in use", Some(reason)) => visible(reason),
        ("unreadable", Some(reason)) => format!("perhaps by {path}: {}", visible(reason)),
        ("artifact file", Some(name)) => format!("bound as `{}` by {path}", visible(name)),
        ("artifact file", None) => format!("named by {path}"),
        ("binding", Some(name)) => format!("bound as `{}` by {path}", visible(name)),
        ("abandoned binding", Some(name)) => {
            format!("bound as `{}` by {path}, which nobody uses any more", visible(name))
        }
        ("tree", Some(name)) => format!("part of the tree `{}` at {path}", visible(name)),
        ("bindings", _) => format!("names in {path}"),
        ("project", _) => format!("used by {path}"),
        ("gone project", _) => format!("was used by {path}, which is gone"),
        ("somebody", _) => "used by somebody who is not known".to_owned(),
        (_, _) => format!("named by {path}"),
    };
    let used = match cause.last_used {
        Some(time) => format!("   used {}", human::age(Some(time), now)),
        None => String::new(),
    };
    lines.push(format!("{indent}{corner} {what}{}", aside(&used)));
    let mut indent = format!("{indent}{below}");
    if let Some(package) = &cause.package {
        let is_bound = matches!(cause.what, "binding" | "abandoned binding" | "bindings");
        let manifests = match cause.because.len() {
            _ if is_bound => String::new(),
            0 => ", which nothing keeps".to_owned(),
            1 => ", which 1 manifest names".to_owned(),
            count => format!(", which {count} manifests name"),
        };
        lines.push(format!("{indent}└─ package {}{manifests}", visible(package)));
        indent.push_str("   ");
    }
    for (index, because) in cause.because.iter().enumerate() {
        push(because, &indent, index + 1 == cause.because.len(), session, lines);
    }
}

impl Entry {
    fn of(found: &Explanation) -> Self {
        let (standing, since, until) = match found.standing {
            Standing::Kept => ("kept", None, None),
            Standing::Waiting { since, until } => ("waiting", Some(since), Some(until)),
            Standing::Goes => ("goes", None, None),
            Standing::Elsewhere => ("elsewhere", None, None),
        };
        Self {
            kind: collection::word(found.kind),
            label: found.label.clone(),
            path: found.path.clone(),
            size: found.size.into(),
            last_used: found.last_used.map(collection::time),
            standing,
            since: since.map(collection::time),
            until: until.map(collection::time),
            causes: found.causes.iter().map(Reason::of).collect(),
        }
    }
}

impl Reason {
    fn of(cause: &Cause) -> Self {
        Self {
            what: cause.what,
            path: cause.path.clone(),
            name: cause.name.clone(),
            last_used: cause.last_used.map(collection::time),
            package: cause.package.clone(),
            because: cause.because.iter().map(Self::of).collect(),
        }
    }
}
