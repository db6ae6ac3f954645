//! What references an item, and when it becomes deletable.

use scratchrs_core::gc::{Cause, CauseKind, Explained, Explanation, Standing};

use super::{kinds, notes};
use crate::human::{self, count, visible};
use crate::style::{aside, title};
use crate::{Context, Text};

/// What references the items that a query names, and when they become deletable.
pub fn explained(explained: &Explained, context: &Context<'_>) -> Text {
    let blocks = explained.found.iter().map(|found| explanation(found, context));
    let notes = notes::grouped(&explained.notes, true, context);
    Text {
        lines: blocks.collect::<Vec<_>>().join(&String::new()),
        notes: notes.into_iter().map(Into::into).collect(),
        ..Text::default()
    }
}

fn explanation(found: &Explanation, context: &Context<'_>) -> Vec<String> {
    let head = format!("{} {}", kinds::word(found.kind), visible(&found.label));
    let size = human::size(found.size.bytes);
    let used = match found.last_used {
        Some(time) if found.standing == Standing::Kept => {
            format!("   last used {}", human::age(Some(time), context.now))
        }
        _ => String::new(),
    };
    let mut lines =
        vec![format!("{}   {size}{used}", title(&head)), aside(&context.path(&found.path))];
    let number = found.causes.len();
    for (index, cause) in found.causes.iter().enumerate() {
        let is_last = index + 1 == number && found.standing == Standing::Kept;
        push(cause, "", is_last, context, &mut lines);
    }
    lines.push(conclusion(found, context));
    lines
}

/// When the item becomes deletable.
fn conclusion(found: &Explanation, context: &Context<'_>) -> String {
    match (found.standing, found.causes.len()) {
        (Standing::Kept, 0) => "└─ in use by another process".to_owned(),
        (Standing::Kept, 1) => {
            "   Without this reference it becomes deletable after the grace period.".to_owned()
        }
        (Standing::Kept, _) => {
            "   Without these references it becomes deletable after the grace period.".to_owned()
        }
        (Standing::Waiting, _) => format!(
            "└─ unreachable: orphaned {}, deletable on {}",
            human::age(found.since, context.now),
            found.until.unwrap_or(context.now).local().format("%Y-%m-%d")
        ),
        (Standing::Deletable, _) => "└─ unreachable: the next collection deletes it".to_owned(),
        (Standing::Elsewhere, _) => format!(
            "└─ unreachable: only {} collects the depot that it is in",
            context.spell("`--all-depots`", "`all_depots = true`"),
        ),
    }
}

/// The lines about a reference, and about what references that in turn.
fn push(
    cause: &Cause,
    indent: &str,
    is_last: bool,
    context: &Context<'_>,
    lines: &mut Vec<String>,
) {
    let (corner, below) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
    let used = match cause.last_used {
        Some(time) => format!("   used {}", human::age(Some(time), context.now)),
        None => String::new(),
    };
    lines.push(format!("{indent}{corner} {}{}", reference(cause, context), aside(&used)));
    let mut indent = format!("{indent}{below}");
    if let Some(package) = &cause.package {
        lines.push(format!("{indent}└─ package {}{}", visible(package), manifests(cause)));
        indent.push_str("   ");
    }
    for (index, because) in cause.because.iter().enumerate() {
        push(because, &indent, index + 1 == cause.because.len(), context, lines);
    }
}

fn reference(cause: &Cause, context: &Context<'_>) -> String {
    let path = context.path(&cause.path);
    match (cause.what, cause.name.as_deref().map(visible)) {
        (CauseKind::Bindings, _) => format!("names in {path}"),
        (CauseKind::Project, _) => format!("used by {path}"),
        (CauseKind::MissingProject, _) => format!("used by {path}, which does not exist any more"),
        (CauseKind::UnknownProject, _) => "used by an unknown project".to_owned(),
        (CauseKind::InUse, Some(reason)) => reason,
        (CauseKind::Unreadable, Some(reason)) => format!("perhaps referenced by {path}: {reason}"),
        (CauseKind::ArtifactFile | CauseKind::Binding, Some(name)) => {
            format!("bound as `{name}` by {path}")
        }
        (CauseKind::AbandonedBinding, Some(name)) => {
            format!("bound as `{name}` by {path}, which no project uses any more")
        }
        (CauseKind::Tree, Some(name)) => format!("part of the tree `{name}` at {path}"),
        _ => format!("referenced by {path}"),
    }
}

/// How many manifests reference the package of a cause.
fn manifests(cause: &Cause) -> String {
    match (cause.what, cause.because.len()) {
        (CauseKind::Binding | CauseKind::AbandonedBinding | CauseKind::Bindings, _) => {
            String::new()
        }
        (_, 0) => ", unreachable".to_owned(),
        (_, number) => format!(", referenced by {}", count(number as u64, "manifest")),
    }
}
