//! Why something is still there.

use scratchrs_core::gc::{Category, Cause, CauseKind, Explanation, Standing};

use crate::human::visible;
use crate::style::{aside, title};
use crate::{Reader, human, kinds};

/// What references an item, or when it can be deleted.
pub fn explanation(found: &Explanation, reader: &Reader<'_>) -> Vec<String> {
    let now = reader.now;
    let kind = kinds::word(found.kind);
    let head = format!("{kind} {}", visible(&found.label));
    let size = human::size(found.size.bytes);
    let used = match found.last_used {
        Some(time) if found.standing == Standing::Kept => {
            format!("   last used {}", human::age(Some(time), now))
        }
        _ => String::new(),
    };
    let mut lines =
        vec![format!("{}   {size}{used}", title(&head)), aside(&reader.path(&found.path))];
    let count = found.causes.len();
    for (index, cause) in found.causes.iter().enumerate() {
        let is_last = index + 1 == count && found.standing == Standing::Kept;
        push(cause, "", is_last, reader, &mut lines);
    }
    lines.push(match found.standing {
        Standing::Kept if count == 0 => "└─ another process is at work on it.".to_owned(),
        Standing::Kept if found.kind == Category::Store => {
            "   Without any of these it could go once the grace period is over.".to_owned()
        }
        Standing::Kept if count == 1 => {
            "   Without this one it could go once the grace period is over.".to_owned()
        }
        Standing::Kept => {
            "   Without all of these it could go once the grace period is over.".to_owned()
        }
        Standing::Waiting => format!(
            "└─ nothing keeps it, since {}. It can go on {}.",
            human::age(found.since, now),
            found.until.unwrap_or(now).local().format("%Y-%m-%d")
        ),
        Standing::Goes => {
            "└─ nothing keeps it any more. It goes with the next collection.".to_owned()
        }
        Standing::Elsewhere => {
            format!(
                "└─ nothing keeps it, and only {} collects the depot that it is in.",
                reader.spell("`--force`", "`force = true`"),
            )
        }
    });
    lines
}

/// The lines about something that keeps something, and what keeps that in turn.
fn push(cause: &Cause, indent: &str, is_last: bool, reader: &Reader<'_>, lines: &mut Vec<String>) {
    let now = reader.now;
    let (corner, below) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
    let path = reader.path(&cause.path);
    let what = match (cause.what, &cause.name) {
        (CauseKind::InUse, Some(reason)) => visible(reason),
        (CauseKind::Unreadable, Some(reason)) => format!("perhaps by {path}: {}", visible(reason)),
        (CauseKind::ArtifactFile, Some(name)) => format!("bound as `{}` by {path}", visible(name)),
        (CauseKind::ArtifactFile, None) => format!("named by {path}"),
        (CauseKind::Binding, Some(name)) => format!("bound as `{}` by {path}", visible(name)),
        (CauseKind::AbandonedBinding, Some(name)) => {
            format!("bound as `{}` by {path}, which no project uses any more", visible(name))
        }
        (CauseKind::Tree, Some(name)) => format!("part of the tree `{}` at {path}", visible(name)),
        (CauseKind::Bindings, _) => format!("names in {path}"),
        (CauseKind::Project, _) => format!("used by {path}"),
        (CauseKind::GoneProject, _) => format!("was used by {path}, which is gone"),
        (CauseKind::Somebody, _) => "used by an unknown project".to_owned(),
        (_, _) => format!("named by {path}"),
    };
    let used = match cause.last_used {
        Some(time) => format!("   used {}", human::age(Some(time), now)),
        None => String::new(),
    };
    lines.push(format!("{indent}{corner} {what}{}", aside(&used)));
    let mut indent = format!("{indent}{below}");
    if let Some(package) = &cause.package {
        let is_bound = matches!(
            cause.what,
            CauseKind::Binding | CauseKind::AbandonedBinding | CauseKind::Bindings
        );
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
        push(because, &indent, index + 1 == cause.because.len(), reader, lines);
    }
}
